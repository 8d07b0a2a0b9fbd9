"""Street or not: a logistic regression on the detector's embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from inference.package import SceneHead
from training.observe import Observation
from training.settings import SceneSettings

UNRELATED = "unrelated"
"""Flag of photos that a person found to be no street scene."""


def fit_scene_head(observations: Sequence[Observation], settings: SceneSettings) -> SceneHead | None:
    """The head, its threshold and cross-validated evidence; None with too few unrelated photos.

    The threshold lets at most `settings.street_loss` of the street photos be called unrelated, judged by models that
    have not seen their group.
    """
    street = np.array([UNRELATED not in o.photo.flags for o in observations])
    if int((~street).sum()) < settings.min_unrelated:
        return None
    embeddings = np.stack([o.embedding for o in observations]).astype(np.float64)
    groups = [o.photo.group for o in observations]
    model = LogisticRegression(C=settings.regularisation, class_weight="balanced", max_iter=2000)
    folds = StratifiedGroupKFold(n_splits=settings.folds)
    unseen = cross_val_predict(model, embeddings, street, groups=groups, cv=folds, method="predict_proba")[:, 1]
    threshold = float(np.quantile(unseen[street], settings.street_loss))
    model.fit(embeddings, street)
    return SceneHead(
        weights=tuple(model.coef_[0].tolist()),
        bias=float(model.intercept_[0]),
        unrelated_below=threshold,
        evidence={
            "street_photos": int(street.sum()),
            "unrelated_photos": int((~street).sum()),
            "street_called_unrelated": round(float((unseen[street] < threshold).mean()), 4),
            "unrelated_recognised": round(float((unseen[~street] < threshold).mean()), 4),
        },
    )
