"""The planned audio, one second at a time: memory does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np

from ari_recorder.media.plan import Piece, Plan, Side
from ari_recorder.media.sources import Samples, Source, read


def two_channel_blocks(plan: Plan) -> Iterator[Samples]:
    """Yield arrays of shape (samples, 2), left and right: one second each, the last one shorter."""
    sides = (_side_blocks(plan.left, plan.rate_hz), _side_blocks(plan.right, plan.rate_hz))
    for left, right in zip(*sides, strict=True):
        yield np.stack((left, right), axis=1)


def is_plain(plan: Plan) -> bool:
    """Whether every file has the plan's own rate, so that any part of it can be read by itself."""
    pieces = (*plan.left.pieces, *plan.right.pieces)
    return all(piece.source is None or piece.source.rate_hz == plan.rate_hz for piece in pieces)


def two_channels(plan: Plan, first: int, samples: int) -> Samples:
    """Part of a plain plan, as an array of shape (samples, 2)."""
    return np.stack([_part(side, first, samples) for side in (plan.left, plan.right)], axis=1)


def _part(side: Side, first: int, samples: int) -> Samples:
    found, at = np.zeros(samples, dtype=np.int16), 0
    for piece in side.pieces:
        begin, end = max(first, at), min(first + samples, at + piece.samples)
        if piece.source is not None and begin < end:
            (block,) = read(piece.source.part(begin - at, end - at), end - begin)
            found[begin - first : end - first] = block
        at += piece.samples
    return found


def _side_blocks(side: Side, rate_hz: int) -> Iterator[Samples]:
    chunks = (chunk for piece in side.pieces for chunk in _piece(piece, rate_hz))
    return _in_blocks(chunks, rate_hz)


def _piece(piece: Piece, rate_hz: int) -> Iterator[Samples]:
    if piece.source is None:
        return _silence(piece.samples, rate_hz)
    if piece.source.rate_hz == rate_hz:
        return read(piece.source, rate_hz)
    return _exactly(piece.samples, _resampled(piece.source, rate_hz), rate_hz)


def _silence(samples: int, block_samples: int) -> Iterator[Samples]:
    for start in range(0, samples, block_samples):
        yield np.zeros(min(block_samples, samples - start), dtype=np.int16)


def _resampled(source: Source, rate_hz: int) -> Iterator[Samples]:
    """Another rate, by FFmpeg's swresample."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    pts = 0
    for block in read(source, source.rate_hz):
        frame = audio_frame(block[:, np.newaxis], source.rate_hz, pts)
        pts += block.size
        yield from (out.to_ndarray()[0] for out in resampler.resample(frame))
    yield from (out.to_ndarray()[0] for out in resampler.resample(None))


def audio_frame(block: Samples, rate_hz: int, pts: int) -> av.AudioFrame:
    """A frame for FFmpeg from an array of shape (samples, channels); ``pts`` counts samples."""
    layout = "stereo" if block.shape[1] == 2 else "mono"
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(block).reshape(1, -1), format="s16", layout=layout
    )
    frame.sample_rate = rate_hz
    frame.time_base = Fraction(1, rate_hz)
    frame.pts = pts
    return frame


def _exactly(samples: int, chunks: Iterable[Samples], block_samples: int) -> Iterator[Samples]:
    """Cut or fill up to ``samples``: a resampler may give a few more or fewer than planned."""
    left = samples
    for chunk in chunks:
        if left:
            yield chunk[:left]
            left -= min(left, chunk.size)
    yield from _silence(left, block_samples)


def _in_blocks(chunks: Iterable[Samples], block_samples: int) -> Iterator[Samples]:
    """The same samples in arrays of ``block_samples``, the last one shorter."""
    waiting: list[Samples] = []
    held = 0
    for chunk in chunks:
        start = 0
        while start < chunk.size:
            part = chunk[start : start + block_samples - held]
            waiting.append(part)
            start += part.size
            held += part.size
            if held == block_samples:
                yield np.concatenate(waiting)
                waiting, held = [], 0
    if waiting:
        yield np.concatenate(waiting)
