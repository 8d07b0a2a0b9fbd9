"""index.html of an evaluation: one file that works offline, plots and pictures inside it.

It holds real photos, whoever is on them: it is for the people who work on the labels, not for sending around.
"""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from datasets.labels import LabelledPhoto
from training.evaluation import Evaluation
from training.evaluation_gallery import false_alarms, misses, pictures
from training.evaluation_plots import precision_plot, reliability_plot
from training.evaluation_report import warnings
from training.evaluation_tables import MEANS, condition_details, source_details, tables


def render_page(evaluation: Evaluation, photos: Iterable[LabelledPhoto]) -> str:
    """The page.

    Args:
        evaluation: What to show.
        photos: The labelled photos, for the pictures; mistakes on others are left out.
    """
    by_key = {photo.key: photo for photo in photos}
    environment = Environment(
        loader=PackageLoader("training"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    reliability = reliability_plot(evaluation)
    return environment.get_template("evaluation.html.j2").render(
        e=evaluation,
        means=MEANS,
        warnings=list(warnings(evaluation)),
        tables=[*tables(evaluation), source_details(evaluation), condition_details(evaluation)],
        precision=Markup(precision_plot(evaluation)),  # noqa: S704 - drawn here, by matplotlib
        reliability=None if reliability is None else Markup(reliability),  # noqa: S704
        galleries=(
            ("最严重的误报", "worst false alarms", list(pictures(false_alarms(evaluation), evaluation, by_key))),
            ("最严重的漏报", "worst misses", list(pictures(misses(evaluation, by_key), evaluation, by_key))),
        ),
    )
