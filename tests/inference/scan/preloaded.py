"""What the children of a killed scan share: imported once, with the model package and the scheme read."""

from __future__ import annotations

from tests.inference.scan.stub import package, scheme

package()
scheme()
