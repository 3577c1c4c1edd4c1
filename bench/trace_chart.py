"""The traces of pushes to Prod as JSON and as a picture: the stages over time, each cut into who used it."""

from __future__ import annotations

import msgspec

from bench.results import DIRECTORY
from bench.trace import BOATYARD, ENGINE, FUNCTIONS, KINDS, REGISTRY, USER, WAITING, Trace

JSON, PICTURE = DIRECTORY / "trace.json", DIRECTORY / "trace.png"
COLORS = {
    USER: "#5a8f3d",
    REGISTRY: "#d08c1d",
    ENGINE: "#7a5195",
    FUNCTIONS: "#c44e52",
    BOATYARD: "#0b6e99",
    WAITING: "#bbbbbb",
}


def write(traces: list[Trace]) -> None:
    """Write both."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    JSON.write_bytes(msgspec.json.format(msgspec.json.encode(traces), indent=1) + b"\n")
    _draw(traces)


def _draw(traces: list[Trace]) -> None:
    """A panel for each trace: a row for each stage, begun where it began, the kinds of its time one after the other."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    height = sum(1.1 + 0.3 * len(trace.stages) for trace in traces)
    figure, panels = pyplot.subplots(len(traces), 1, figsize=(11, height), layout="constrained", squeeze=False)
    for (axes,), trace in zip(panels, traces, strict=True):
        for row, stage in enumerate(trace.stages):
            left = stage.begin
            for kind in KINDS:
                axes.barh(row, stage.seconds[kind], left=left, color=COLORS[kind], height=0.7)
                left += stage.seconds[kind]
            axes.annotate(
                f"{stage.end - stage.begin:.2f} s", (stage.end, row), xytext=(4, -3), textcoords="offset points"
            )
        axes.set_yticks(range(len(trace.stages)), [stage.name for stage in trace.stages])
        axes.invert_yaxis()
        axes.set_xlim(0, trace.seconds * 1.08)
        axes.set_title(f"{trace.title}: {trace.seconds:.1f} s from the push until Prod serves it", fontsize=10)
        axes.grid(axis="x", alpha=0.3)
    panels[-1][0].set_xlabel("seconds since the push; in each stage the kinds of its time one after the other")
    for kind in KINDS:
        panels[0][0].barh(0, 0, color=COLORS[kind], label=kind)
    panels[0][0].legend(loc="upper right", fontsize=8)
    figure.savefig(PICTURE, dpi=110)
    pyplot.close(figure)
