"""Training of models for learned components: rows without leaks, and the import of a trained model.

- `training_frame`: `frame`, the inputs of pairs at the cut of a holdout, with labels from after it
- `model_import`: `import_model`, which checks a model file, freezes its link, and writes the sidecar
"""

from scoring.training.model_import import ModelImport, import_model
from scoring.training.training_frame import DEFAULT_INPUTS, TrainingFrame, frame, select_model_users

__all__ = ["DEFAULT_INPUTS", "ModelImport", "TrainingFrame", "frame", "import_model", "select_model_users"]
