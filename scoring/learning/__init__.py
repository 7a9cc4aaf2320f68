"""Trained models as components: their files, inputs, values and explanations.

- `lightgbm_text`: reads the text format of LightGBM; `tree_ensemble`: the trees and their raw scores
- `tree_shap`: exact contributions of inputs to a raw score
"""
