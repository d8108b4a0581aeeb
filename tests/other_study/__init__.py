"""Another study than the bundled one, made up: protection plans, five pilots, own names."""

from pathlib import Path

FOLDER = Path(__file__).parent
CHILDREN = FOLDER / "plans-children.toml"
LINEAR = FOLDER / "plans-linear.toml"
LOGISTIC = FOLDER / "plans-logistic.toml"
