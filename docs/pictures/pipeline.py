"""Draws pipeline.svg: the blueprint's pipeline, and what of it runs where."""

from __future__ import annotations

from html import escape
from pathlib import Path

Stage = tuple[str, tuple[str, ...], tuple[str, ...]]

STAGES: tuple[Stage, ...] = (
    ("Source", ("Algorithm", "TrainingData"), ("git repository", "versioned object", "(CodeCommit, S3)")),
    ("Build", ("Image",), ("build container with", "its own docker", "(CodeBuild, ECR)")),
    ("TrainModel", ("Train", "Status"), ("function containers,", "training container", "(Lambda, SageMaker)")),
    ("DeployModel-Dev", ("Deploy", "Status", "SmokeTest"), ("endpoint -dev:", "container that serves", "(SageMaker)")),
    ("DeployModel-Test", ("Deploy", "Status", "FullTest"), ("endpoint -test:", "container that serves", "(SageMaker)")),
    ("DeployModel-Prod", ("Deploy", "Status"), ("endpoint -prod:", "container that serves", "(SageMaker)")),
)
WIDTH, GAP, LEFT, TOP = 164, 22, 24, 104
INK, PALE, LINE, ACCENT = "#1f2933", "#f4f6f8", "#9aa5b1", "#0b6e4f"
ROW = 24


def text(x: float, y: float, words: str, *, size: int = 14, weight: str = "400", fill: str = INK) -> str:
    """A line of text whose middle is at x."""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="middle">{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, fill: str, stroke: str) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="1.5"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a head."""
    return (
        f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{INK}" stroke-width="1.5" '
        'marker-end="url(#head)"/>'
    )


def stage(number: int) -> list[str]:
    """A stage's box, its actions, and below what runs for it."""
    name, actions, runs = STAGES[number]
    x = LEFT + number * (WIDTH + GAP)
    middle = x + WIDTH / 2
    parts = [box(x, TOP, WIDTH, 132, PALE, ACCENT), text(middle, TOP + 26, name, size=14, weight="700", fill=ACCENT)]
    parts += [text(middle, TOP + 56 + ROW * row, action) for row, action in enumerate(actions)]
    parts.append(
        f'<line x1="{middle:.0f}" y1="{TOP + 132}" x2="{middle:.0f}" y2="{TOP + 160}" stroke="{LINE}" '
        'stroke-width="1.5" stroke-dasharray="3 3"/>'
    )
    parts.append(box(x, TOP + 160, WIDTH, 86, "#ffffff", LINE))
    parts += [text(middle, TOP + 184 + 22 * row, line, size=13) for row, line in enumerate(runs)]
    if number + 1 < len(STAGES):
        parts.append(arrow(x + WIDTH, TOP + 66, x + WIDTH + GAP - 2, TOP + 66))
    return parts


def draw() -> str:
    """The whole picture."""
    width = 2 * LEFT + len(STAGES) * WIDTH + (len(STAGES) - 1) * GAP
    height = TOP + 332
    source = LEFT + WIDTH / 2
    client = width - LEFT - WIDTH / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" role="img" aria-labelledby="title">',
        '<title id="title">Source, Build, TrainModel, DeployModel-Dev, DeployModel-Test, DeployModel-Prod</title>',
        f'<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{INK}"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        text(source, 36, "git push", weight="700"),
        text(source, 58, "or new training data"),
        arrow(source, 68, source, TOP - 3),
        text(client, TOP + 294, "your program", weight="700"),
        text(client, TOP + 316, "InvokeEndpoint"),
        arrow(client, TOP + 278, client, TOP + 249),
    ]
    for number in range(len(STAGES)):
        parts += stage(number)
    everything = (
        "One machine, one server: CloudFormation makes all of it, IAM, KMS, Logs and EventBridge tie it together"
    )
    parts.append(text((width - WIDTH) / 2, height - 28, everything, size=13))
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("pipeline.svg").write_text(draw())
