// Products of many rows with a small matrix, as in products.py beside this file. A tile of the result
// stays in registers while the inner dimension passes by; blocks of rows stay in the cache.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __clang__
#error "clang loads these vectors as if they were aligned; torch computes without this library"
#endif

namespace {

#ifdef __AVX512F__
constexpr int LANES = 16;
constexpr int VECTORS = 4;
#else
constexpr int LANES = 8;
constexpr int VECTORS = 2;
#endif
constexpr int PANEL = LANES * VECTORS;  // columns of a tile
constexpr int HEIGHT = 6;               // its rows: as many as registers hold
constexpr int BLOCK = 40 * HEIGHT;      // rows that pass by at a time

typedef float Vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

// Unrolled, so that a tile stays in registers
#define EACH(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < n; ++i)

inline Vec& vec(float* memory) { return *reinterpret_cast<Vec*>(memory); }
inline const Vec& vec(const float* memory) { return *reinterpret_cast<const Vec*>(memory); }

template <int R, int C>
using Tile = Vec[R][C];

// tile[r][c] += sum over p < depth of a[r * down + p * across] * b[p * width + c]
template <int R, int C>
inline void add(Tile<R, C>& tile, const float* a, int64_t down, int64_t across, const float* b,
                int64_t width, int64_t depth) {
    for (int64_t p = 0; p < depth; ++p) {
        Vec right[C];
        EACH(c, C) right[c] = vec(b + p * width + c * LANES);
        EACH(r, R) {
            const Vec left = Vec{} + a[r * down + p * across];
            EACH(c, C) tile[r][c] += left * right[c];
        }
    }
}

// Rows of a product; `packed` holds the matrix's columns of this panel side by side
template <int R, int C>
inline void product_rows(const float* rows, const float* packed, const float* bias, int64_t k,
                         int64_t m, int64_t columns, float* out) {
    Tile<R, C> tile;
    EACH(r, R) EACH(c, C) tile[r][c] = vec(bias + c * LANES);
    add<R, C>(tile, rows, k, 1, packed, PANEL, k);
    if (columns == C * LANES) {
        EACH(r, R) EACH(c, C) vec(out + r * m + c * LANES) = tile[r][c];
    } else {
        for (int r = 0; r < R; ++r) std::memcpy(out + r * m, tile[r], columns * sizeof(float));
    }
}

template <int C>
void product_block(const float* rows, int64_t n, const float* packed, const float* bias, int64_t k,
                   int64_t m, int64_t columns, float* out) {
    int64_t i = 0;
    for (; i + HEIGHT <= n; i += HEIGHT)
        product_rows<HEIGHT, C>(rows + i * k, packed, bias, k, m, columns, out + i * m);
    for (; i < n; ++i) product_rows<1, C>(rows + i * k, packed, bias, k, m, columns, out + i * m);
}

// Adds to rows of a sum over products of rows
template <int R>
inline void sum_rows(const float* left, int64_t k, const float* right, int64_t width, int64_t depth,
                     int64_t m, int64_t columns, float* out) {
    Tile<R, VECTORS> tile = {};
    add<R, VECTORS>(tile, left, 1, k, right, width, depth);
    for (int r = 0; r < R; ++r) {
        const float* from = reinterpret_cast<const float*>(tile[r]);
        for (int64_t c = 0; c < columns; ++c) out[r * m + c] += from[c];
    }
}

}  // namespace

extern "C" {

// out[n, m] = rows[n, k] matrix[k, m] + bias[m], where the matrix has the strides `down` and
// `across`, and bias may be null
int product(const float* rows, const float* matrix, const float* bias, int64_t n, int64_t k,
            int64_t m, int64_t down, int64_t across, float* out, int threads) {
    const int64_t panels = (m + PANEL - 1) / PANEL;
    std::vector<float> packed(panels * k * PANEL), offsets(panels * PANEL);
    for (int64_t j = 0; j < m; ++j) {
        float* to = packed.data() + j / PANEL * k * PANEL + j % PANEL;
        for (int64_t p = 0; p < k; ++p) to[p * PANEL] = matrix[p * down + j * across];
        if (bias) offsets[j] = bias[j];
    }
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel for if (threads > 1 && blocks > 1) num_threads(threads) schedule(static)
    for (int64_t block = 0; block < blocks; ++block) {
        const int64_t i = block * BLOCK, height = std::min<int64_t>(BLOCK, n - i);
        for (int64_t j = 0; j < m; j += PANEL) {
            const int64_t columns = std::min<int64_t>(PANEL, m - j);
            const auto block_of =
                2 * columns > PANEL ? product_block<VECTORS> : product_block<VECTORS / 2>;
            block_of(rows + i * k, height, packed.data() + j * k, offsets.data() + j, k, m, columns,
                     out + i * m + j);
        }
    }
    return 0;
}

// out[k, m] = sum over n of left[n, k] right[n, m]; threads share the rows of the result
int sum_of_products(const float* left, const float* right, int64_t n, int64_t k, int64_t m,
                    float* out, int threads) {
    std::memset(out, 0, k * m * sizeof(float));
    const int64_t tiles = (k + HEIGHT - 1) / HEIGHT;
    const int parts = static_cast<int>(std::min<int64_t>(threads, tiles));
#pragma omp parallel for if (parts > 1) num_threads(parts) schedule(static)
    for (int part = 0; part < parts; ++part) {
        const int64_t first = tiles * part / parts * HEIGHT;
        const int64_t last = std::min(k, tiles * (part + 1) / parts * HEIGHT);
        std::vector<float> padded(m % PANEL ? BLOCK * PANEL : 0);
        for (int64_t begin = 0; begin < n; begin += BLOCK) {
            const int64_t depth = std::min<int64_t>(BLOCK, n - begin);
            for (int64_t j = 0; j < m; j += PANEL) {
                const int64_t columns = std::min<int64_t>(PANEL, m - j);
                const float* a = left + begin * k;
                const float* b = right + begin * m + j;
                int64_t width = m;
                if (columns < PANEL) {
                    for (int64_t p = 0; p < depth; ++p)
                        std::copy_n(b + p * m, columns, padded.data() + p * PANEL);
                    b = padded.data();
                    width = PANEL;
                }
                int64_t i = first;
                for (; i + HEIGHT <= last; i += HEIGHT)
                    sum_rows<HEIGHT>(a + i, k, b, width, depth, m, columns, out + i * m + j);
                for (; i + 4 <= last; i += 4)
                    sum_rows<4>(a + i, k, b, width, depth, m, columns, out + i * m + j);
                for (; i < last; ++i)
                    sum_rows<1>(a + i, k, b, width, depth, m, columns, out + i * m + j);
            }
        }
    }
    return 0;
}

}  // extern "C"
