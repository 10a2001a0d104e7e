"""Batches prepared ahead of time."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import torch

from core.potential.compiled_capture import tensors
from core.training.step.pieces import Prepared

_DEPTH = 2
"""Batches prepared ahead on CUDA: one that waits, and one in preparation."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    source: Iterable[Item], prepare: Callable[[Item], Result], depth: int
) -> Generator[Result, None, None]:
    """Yield the result of `prepare` for each item, in order.

    Close it, e.g. with `contextlib.closing`, to leave early: what has not begun is dropped, and the
    thread has ended when `close` returns.

    Args:
        source: the items.
        prepare: called for one item after the other, never for two at a time. An exception of it
            is raised where its result would have been yielded.
        depth: how many items it may be ahead of the caller, in a separate thread; 0 works in the
            caller's thread, when the item is requested.
    """
    if not depth:
        yield from map(prepare, source)
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as thread:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in source:
                waiting.append(thread.submit(prepare, item))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def load(
    source: Iterable[Item], prepare: Callable[[Item], Prepared], device: torch.device
) -> Generator[Prepared, None, None]:
    """Yield prepared batches in order, on CUDA ahead of the steps.

    While CUDA computes, the processor is idle: a thread reads and collates the next batches, and a
    separate stream copies them over beside the kernels of the step. On the CPU the step itself
    takes all the cores, and a thread would only take them from it.

    Args:
        source: the items.
        prepare: makes one batch on the device.
        device: where batches go.
    """
    if device.type != "cuda":
        yield from ahead(source, prepare, 0)
        return
    side = torch.cuda.Stream(device)

    def copy(item: Item) -> tuple[Prepared, torch.cuda.Event]:
        # streams, and the device that is current, belong to a thread
        with torch.cuda.stream(side):
            prepared = prepare(item)
            return prepared, side.record_event()

    with closing(ahead(source, copy, _DEPTH)) as batches:
        for prepared, copied in batches:
            main = torch.cuda.current_stream(device)
            main.wait_event(copied)
            for piece in prepared.pieces:
                for tensor in (*tensors(piece.batch), *piece.targets.values()):
                    # otherwise its memory could be reused while the step still reads it
                    tensor.record_stream(main)
            yield prepared
