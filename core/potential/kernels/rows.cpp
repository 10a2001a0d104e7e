// What rows.py beside this file does with the rows of messages, and its first and second derivatives,
// each in one pass over memory. Names and equations are those of rows.py; x and y are the inputs of
// the layer norms of core and gate.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __AVX__
#include <immintrin.h>
#endif

#ifdef __clang__
#error "clang loads these vectors as if they were aligned; torch computes without this library"
#endif

namespace {

constexpr int WIDTH = 64;  // features of core and of gate
#ifdef __AVX512F__
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif
constexpr int VECTORS = WIDTH / LANES;
constexpr float EPSILON = 1e-5f;  // torch's layer norm

// Unrolled, so that rows stay in registers
#define EACH(i) _Pragma("GCC unroll 8") for (int i = 0; i < VECTORS; ++i)

typedef float Vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));

struct Row {
    Vec v[VECTORS];
};

inline Row& row(float* memory) { return *reinterpret_cast<Row*>(memory); }
inline const Row& row(const float* memory) { return *reinterpret_cast<const Row*>(memory); }

// In halves, since one lane after the other would wait for every addition
template <int N>
inline float sum_of(const float* lanes) {
    typedef float Half __attribute__((vector_size(2 * N)));
    Half halves[2];
    std::memcpy(halves, lanes, sizeof halves);
    const Half half = halves[0] + halves[1];
    return sum_of<N / 2>(reinterpret_cast<const float*>(&half));
}

template <>
inline float sum_of<2>(const float* lanes) {
    return lanes[0] + lanes[1];
}

inline float sum(Vec x) { return sum_of<LANES>(reinterpret_cast<const float*>(&x)); }

inline float sum(const Row& x) {
    Vec total = x.v[0];
    EACH(i) if (i) total += x.v[i];
    return sum(total);
}

inline float dot(const Row& x, const Row& y) {
    Vec total = x.v[0] * y.v[0];
    EACH(i) if (i) total += x.v[i] * y.v[i];
    return sum(total);
}

// Not beyond a limit, and what is no number stays none. The compiler takes two instructions for each
// comparison of the plain form
inline Vec clamped(Vec x, float limit) {
    const Vec least = Vec{} - limit, most = Vec{} + limit;
#if defined(__AVX512F__)
    return _mm512_max_ps(least, _mm512_min_ps(most, x));
#elif defined(__AVX__)
    return _mm256_max_ps(least, _mm256_min_ps(most, x));
#else
    x = x > most ? most : x;
    return x < least ? least : x;
#endif
}

// e^x = 2^n e^r with |r| <= ln 2 / 2, the power of two added to the exponent of e^r
inline Vec exponential(Vec x) {
    x = clamped(x, 87.0f);
    const Vec shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23 rounds to a whole number n
    const Vec r = x - (shifted - 12582912.0f) * 0.69314718f;
    Vec p = r * 1.335218618e-3f + 8.357947147e-3f;  // minimax, 1e-9 of e^r
    p = p * r + 4.167368146e-2f;
    p = p * r + 1.666666346e-1f;
    p = p * r + 4.999999919e-1f;
    p = p * (r * r) + (r + 1.0f);
    // a cast between vectors keeps their bits
    return (Vec)((Ints)p + ((Ints)shifted << 23));
}

inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exponential(-x)); }

struct Normal {
    Row unit;  // (x - mean) * rate
    float rate;
};

inline Normal normalise(const Row& x) {
    const float mean = sum(x) / WIDTH;
    Row centered;
    EACH(i) centered.v[i] = x.v[i] - mean;
    Normal result;
    result.rate = 1 / std::sqrt(dot(centered, centered) / WIDTH + EPSILON);
    EACH(i) result.unit.v[i] = centered.v[i] * result.rate;
    return result;
}

// What a row is along the two directions that layer norm takes out of it
struct Taken {
    float mean, along;

    Taken(const Row& x, const Normal& normal)
        : mean(sum(x) / WIDTH), along(dot(x, normal.unit) / WIDTH) {}
};

// The derivative of `normalise`, which is symmetric: rate * (1 - 1/H - unit unit' / H) * slope
inline Row through(const Normal& normal, const Row& slope, const Taken& taken) {
    Row result;
    EACH(i)
        result.v[i] = normal.rate * (slope.v[i] - taken.mean - normal.unit.v[i] * taken.along);
    return result;
}

// The slope of <seen, through(normal, slope)> by what was normalised, where `by_unit` is its slope
// by the unit row through everything else. With [x, y] = x . (1 - 1/H - unit unit' / H) . y, its
// part by the rate is rate [seen, slope], and by the unit row -(a seen + b slope), a and b as below
inline Row twice(const Normal& normal, const Row& by_unit, const Row& slope, const Row& seen,
                 const Taken& of_seen) {
    const Taken of_slope(slope, normal), of_unit(by_unit, normal);
    const float a = of_slope.along * normal.rate, b = of_seen.along * normal.rate;
    const float both = dot(seen, slope) / WIDTH - of_seen.mean * of_slope.mean -
                       of_seen.along * of_slope.along;
    const float mean = of_unit.mean - a * of_seen.mean - b * of_slope.mean;
    const float along = of_unit.along - 2 * a * of_seen.along + both * normal.rate;
    Row result;
    EACH(i)
        result.v[i] = normal.rate * (by_unit.v[i] - seen.v[i] * a - slope.v[i] * b - mean -
                                     normal.unit.v[i] * along);
    return result;
}

// Sums over rows by index: each thread adds to a copy of its own, the first to the result itself
class Sums {
  public:
    Sums(float* result, int64_t size, int threads) : result_(result), size_(size) {
        if (result) std::memset(result, 0, size * sizeof(float));
        else size_ = 0;
        copies_.resize(std::max(threads - 1, 0));
    }
    float* of(int thread) {
        if (thread == 0 || size_ == 0) return result_;
        copies_[thread - 1].assign(size_, 0.0f);
        return copies_[thread - 1].data();
    }
    void finish() {
        for (const auto& copy : copies_)
            for (size_t i = 0; i < copy.size(); ++i) result_[i] += copy[i];
    }

  private:
    float* result_;
    int64_t size_;
    std::vector<std::vector<float>> copies_;
};

// Messages come in `turns` runs one after the other, which share the rows of the tensors that repeat.
// A thread takes a stretch of these `parts`, and of every run the messages that belong to it
template <class Work>
void over(int64_t parts, int threads, const Work& work) {
#pragma omp parallel for if (threads > 1) num_threads(threads) schedule(static)
    for (int thread = 0; thread < threads; ++thread)
        work(thread, parts * thread / threads, parts * (thread + 1) / threads);
}

// Whether indices point to rows that are there
inline bool within(const int64_t* index, int64_t n, int64_t below) {
    uint64_t outside = 0;
    if (index)
        for (int64_t k = 0; k < n; ++k)
            outside |= static_cast<uint64_t>(index[k]) >= static_cast<uint64_t>(below);
    return !outside;
}

// Threads that have enough to do
inline int busy(int threads, int64_t parts) {
    return static_cast<int>(std::clamp<int64_t>(parts / 64, 1, threads));
}

inline void add(float* to, const Row& what) {
    Row& target = row(to);
    EACH(i) target.v[i] += what.v[i];
}

// silu and its first two derivatives from the sigmoid of the argument
inline Vec silu(Vec u, Vec s) { return u * s; }
inline Vec silu_slope(Vec u, Vec s) { return s * (1.0f + u * (1.0f - s)); }
inline Vec silu_twice(Vec u, Vec s) { return s * (1.0f - s) * (2.0f + u * (1.0f - 2.0f * s)); }

// The normalised rows of a message and what its gate is made of
struct Gate {
    Normal core, gate;
    Row u, s, t;  // argument of silu, its sigmoid, sigmoid of the gate

    Gate(const float* x, const float* y, const float* norms)
        : core(normalise(row(x))), gate(normalise(row(y))) {
        const Row &alpha = row(norms), &a = row(norms + WIDTH), &beta = row(norms + 2 * WIDTH),
                  &b = row(norms + 3 * WIDTH);
        EACH(i) {
            u.v[i] = core.unit.v[i] * alpha.v[i] + a.v[i];
            s.v[i] = sigmoid(u.v[i]);
            t.v[i] = sigmoid(gate.unit.v[i] * beta.v[i] + b.v[i]);
        }
    }
};

// Slopes by the layer norms' weights and biases, summed over a thread's messages
struct NormSums {
    Row rows[4] = {};

    void store(float* to) const {
        for (int n = 0; n < 4; ++n) add(to + n * WIDTH, rows[n]);
    }
};

// Adds what `slope` gives for each message to the three rows that it was gathered from
template <class Slope>
int spread(const int64_t* i_of, const int64_t* j_of, int64_t n_a, int64_t n_b, int64_t parts,
           int64_t turns, float* to_a, float* to_b, float* to_c, int threads, const Slope& slope) {
    if (!within(i_of, turns * parts, n_a) || !within(j_of, turns * parts, n_b)) return 1;
    threads = busy(threads, parts);
    Sums a_sums(to_a, n_a * 2 * WIDTH, threads), b_sums(to_b, n_b * 2 * WIDTH, threads);
    over(parts, threads, [&](int thread, int64_t begin, int64_t end) {
        float *by_a = a_sums.of(thread), *by_b = b_sums.of(thread);
        for (int64_t part = begin; part < end; ++part)
            for (int half = 0; half < 2; ++half) {
                const int64_t at_c = (2 * part + half) * WIDTH;
                Row total = {};
                for (int64_t k = part; k < turns * parts; k += parts) {
                    const int64_t at_a = (2 * i_of[k] + half) * WIDTH;
                    const int64_t at_b = (2 * j_of[k] + half) * WIDTH;
                    const Row d = slope(k, half, at_a, at_b, at_c);
                    EACH(i) total.v[i] += d.v[i];
                    add(by_a + at_a, d);
                    add(by_b + at_b, d);
                }
                row(to_c + at_c) = total;
            }
    });
    a_sums.finish();
    b_sums.finish();
    return 0;
}

}  // namespace

// Each returns whether a row is not there
extern "C" {

int gathered(const float* a, const float* b, const float* c, const int64_t* i_of,
             const int64_t* j_of, int64_t n_a, int64_t n_b, int64_t parts, int64_t turns,
             int64_t activated, float* core, float* gate, int threads) {
    if (!within(i_of, turns * parts, n_a) || !within(j_of, turns * parts, n_b)) return 1;
    over(parts, busy(threads, parts), [&](int, int64_t begin, int64_t end) {
        for (int64_t part = begin; part < end; ++part)
            for (int64_t k = part; k < turns * parts; k += parts)
                for (int half = 0; half < 2; ++half) {
                    const Row& x = row(a + (2 * i_of[k] + half) * WIDTH);
                    const Row& y = row(b + (2 * j_of[k] + half) * WIDTH);
                    const Row& z = row(c + (2 * part + half) * WIDTH);
                    Row& to = row((half ? gate : core) + k * WIDTH);
                    EACH(i) {
                        const Vec u = x.v[i] + y.v[i] + z.v[i];
                        to.v[i] = activated ? silu(u, sigmoid(u)) : u;
                    }
                }
    });
    return 0;
}

int gathered_slope(const float* a, const float* b, const float* c, const int64_t* i_of,
                   const int64_t* j_of, int64_t n_a, int64_t n_b, int64_t parts, int64_t turns,
                   int64_t activated, const float* core, const float* gate, float* to_a,
                   float* to_b, float* to_c, int threads) {
    const auto slope = [&](int64_t k, int half, int64_t at_a, int64_t at_b, int64_t at_c) {
        const Row& g = row((half ? gate : core) + k * WIDTH);
        Row d;
        EACH(i) {
            const Vec u = row(a + at_a).v[i] + row(b + at_b).v[i] + row(c + at_c).v[i];
            d.v[i] = activated ? g.v[i] * silu_slope(u, sigmoid(u)) : g.v[i];
        }
        return d;
    };
    return spread(i_of, j_of, n_a, n_b, parts, turns, to_a, to_b, to_c, threads, slope);
}

int gathered_twice(const float* a, const float* b, const float* c, const int64_t* i_of,
                   const int64_t* j_of, int64_t n_a, int64_t n_b, int64_t parts, int64_t turns,
                   int64_t activated, const float* core, const float* gate, const float* seen_a,
                   const float* seen_b, const float* seen_c, float* to_a, float* to_b,
                   float* to_c, float* to_core, float* to_gate, int threads) {
    const auto slope = [&](int64_t k, int half, int64_t at_a, int64_t at_b, int64_t at_c) {
        const Row& g = row((half ? gate : core) + k * WIDTH);
        Row& to = row((half ? to_gate : to_core) + k * WIDTH);
        Row d = {};
        EACH(i) {
            const Vec u = row(a + at_a).v[i] + row(b + at_b).v[i] + row(c + at_c).v[i];
            const Vec seen =
                row(seen_a + at_a).v[i] + row(seen_b + at_b).v[i] + row(seen_c + at_c).v[i];
            if (activated) {
                const Vec s = sigmoid(u);
                to.v[i] = seen * silu_slope(u, s);
                d.v[i] = seen * g.v[i] * silu_twice(u, s);
            } else {
                to.v[i] = seen;
            }
        }
        return d;
    };
    return spread(i_of, j_of, n_a, n_b, parts, turns, to_a, to_b, to_c, threads, slope);
}

// Weights and receivers may be null, both together: then message k itself is row k of the result. So
// may senders: then the weights repeat.
int gated(const float* x, const float* y, const float* norms, const float* weights,
          const int64_t* senders, const int64_t* receivers, int64_t parts, int64_t turns,
          int64_t n_weights, int64_t n_out, float* out, int threads) {
    if (!within(senders, turns * parts, n_weights) || !within(receivers, turns * parts, n_out))
        return 1;
    threads = busy(threads, parts);
    Sums sums(receivers ? out : nullptr, n_out * WIDTH, threads);
    over(parts, threads, [&](int thread, int64_t begin, int64_t end) {
        float* target = receivers ? sums.of(thread) : out;
        for (int64_t part = begin; part < end; ++part)
            for (int64_t k = part; k < turns * parts; k += parts) {
                const Gate at(x + k * WIDTH, y + k * WIDTH, norms);
                Row m;
                EACH(i) m.v[i] = silu(at.u.v[i], at.s.v[i]) * at.t.v[i];
                if (!receivers) {
                    row(target + k * WIDTH) = m;
                    continue;
                }
                const Row& w = row(weights + (senders ? senders[k] : part) * WIDTH);
                EACH(i) m.v[i] *= w.v[i];
                add(target + receivers[k] * WIDTH, m);
            }
    });
    sums.finish();
    return 0;
}

int gated_slope(const float* x, const float* y, const float* norms, const float* weights,
                const int64_t* senders, const int64_t* receivers, int64_t parts, int64_t turns,
                int64_t n_weights, int64_t n_out, const float* slope, float* to_x, float* to_y,
                float* to_norms, float* to_weights, int threads) {
    if (!within(senders, turns * parts, n_weights) || !within(receivers, turns * parts, n_out))
        return 1;
    threads = busy(threads, parts);
    Sums norm_sums(to_norms, 4 * WIDTH, threads);
    // rows that repeat are each of one thread
    Sums weight_sums(weights ? to_weights : nullptr, n_weights * WIDTH, senders ? threads : 1);
    over(parts, threads, [&](int thread, int64_t begin, int64_t end) {
        float* by_weights = weight_sums.of(senders ? thread : 0);
        const Row &alpha = row(norms), &beta = row(norms + 2 * WIDTH);
        NormSums by_norms;
        for (int64_t part = begin; part < end; ++part)
            for (int64_t k = part; k < turns * parts; k += parts) {
                const Gate at(x + k * WIDTH, y + k * WIDTH, norms);
                const Row& g = row(slope + (receivers ? receivers[k] : k) * WIDTH);
                const int64_t sender = (senders ? senders[k] : part) * WIDTH;
                Row gx, gy, dw;
                EACH(i) {
                    const Vec s = at.s.v[i], t = at.t.v[i], u = at.u.v[i];
                    const Vec h = weights ? g.v[i] * row(weights + sender).v[i] : g.v[i];
                    dw.v[i] = g.v[i] * silu(u, s) * t;
                    const Vec gu = h * t * silu_slope(u, s);
                    const Vec gv = h * silu(u, s) * t * (1.0f - t);
                    by_norms.rows[0].v[i] += gu * at.core.unit.v[i];
                    by_norms.rows[1].v[i] += gu;
                    by_norms.rows[2].v[i] += gv * at.gate.unit.v[i];
                    by_norms.rows[3].v[i] += gv;
                    gx.v[i] = gu * alpha.v[i];
                    gy.v[i] = gv * beta.v[i];
                }
                if (weights) add(by_weights + sender, dw);
                row(to_x + k * WIDTH) = through(at.core, gx, Taken(gx, at.core));
                row(to_y + k * WIDTH) = through(at.gate, gy, Taken(gy, at.gate));
            }
        by_norms.store(norm_sums.of(thread));
    });
    norm_sums.finish();
    weight_sums.finish();
    return 0;
}

// With A = alpha through(p) and B = beta through(q), where p and q are the slopes by to_x and to_y
// of `gated_slope`, what they were taken of is sum of g (w (t silu'(u) A + silu(u) t' B)), and r g m
// where r is the slope by to_weights and m the message
int gated_twice(const float* x, const float* y, const float* norms, const float* weights,
                const int64_t* senders, const int64_t* receivers, int64_t parts, int64_t turns,
                int64_t n_weights, int64_t n_out, const float* slope, const float* seen_x,
                const float* seen_y, const float* seen_weights, float* to_x, float* to_y,
                float* to_norms, float* to_weights, float* to_slope, int threads) {
    if (!within(senders, turns * parts, n_weights) || !within(receivers, turns * parts, n_out))
        return 1;
    threads = busy(threads, parts);
    Sums norm_sums(to_norms, 4 * WIDTH, threads);
    // rows that repeat are each of one thread
    Sums weight_sums(weights ? to_weights : nullptr, n_weights * WIDTH, senders ? threads : 1);
    Sums slope_sums(receivers ? to_slope : nullptr, n_out * WIDTH, threads);
    over(parts, threads, [&](int thread, int64_t begin, int64_t end) {
        float* by_weights = weight_sums.of(senders ? thread : 0);
        float* by_slope = receivers ? slope_sums.of(thread) : to_slope;
        const Row &alpha = row(norms), &beta = row(norms + 2 * WIDTH);
        NormSums by_norms;
        for (int64_t part = begin; part < end; ++part)
            for (int64_t k = part; k < turns * parts; k += parts) {
                const Gate at(x + k * WIDTH, y + k * WIDTH, norms);
                const int64_t receiver = (receivers ? receivers[k] : k) * WIDTH;
                const int64_t sender = (senders ? senders[k] : part) * WIDTH;
                const Row &g = row(slope + receiver), &p = row(seen_x + k * WIDTH),
                          &q = row(seen_y + k * WIDTH);
                const Taken of_p(p, at.core), of_q(q, at.gate);
                const Row through_p = through(at.core, p, of_p);
                const Row through_q = through(at.gate, q, of_q);
                Row by_u, by_v, gx, gy, dg, dw;
                EACH(i) {
                    const Vec s = at.s.v[i], t = at.t.v[i], u = at.u.v[i];
                    const Vec f0 = silu(u, s), f1 = silu_slope(u, s), f2 = silu_twice(u, s);
                    const Vec t1 = t * (1.0f - t), t2 = t1 * (1.0f - 2.0f * t);
                    const Vec A = alpha.v[i] * through_p.v[i], B = beta.v[i] * through_q.v[i];
                    const Vec w = weights ? row(weights + sender).v[i] : Vec{} + 1.0f;
                    const Vec r = seen_weights ? row(seen_weights + sender).v[i] : Vec{};
                    const Vec along = t * f1 * A + f0 * t1 * B;
                    dg.v[i] = w * along + r * f0 * t;
                    dw.v[i] = g.v[i] * along;
                    const Vec cu = g.v[i] * (w * (t * f2 * A + f1 * t1 * B) + r * f1 * t);
                    const Vec cv = g.v[i] * (w * (t1 * f1 * A + f0 * t2 * B) + r * f0 * t1);
                    const Vec gu = g.v[i] * w * t * f1, gv = g.v[i] * w * f0 * t1;
                    by_norms.rows[0].v[i] += gu * through_p.v[i] + cu * at.core.unit.v[i];
                    by_norms.rows[1].v[i] += cu;
                    by_norms.rows[2].v[i] += gv * through_q.v[i] + cv * at.gate.unit.v[i];
                    by_norms.rows[3].v[i] += cv;
                    gx.v[i] = gu * alpha.v[i];
                    gy.v[i] = gv * beta.v[i];
                    by_u.v[i] = cu * alpha.v[i];
                    by_v.v[i] = cv * beta.v[i];
                }
                row(to_x + k * WIDTH) = twice(at.core, by_u, gx, p, of_p);
                row(to_y + k * WIDTH) = twice(at.gate, by_v, gy, q, of_q);
                if (weights) add(by_weights + sender, dw);
                if (receivers) add(by_slope + receiver, dg);
                else row(by_slope + receiver) = dg;
            }
        by_norms.store(norm_sums.of(thread));
    });
    norm_sums.finish();
    weight_sums.finish();
    slope_sums.finish();
    return 0;
}

}  // extern "C"
