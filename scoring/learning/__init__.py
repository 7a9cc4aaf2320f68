"""Trained models as components: their files, inputs, values and explanations.

- `input_catalogue`: the inputs that a model may read; `sidecar`: the file that states a model's inputs and link
- `learned_model`: reads a model file once, with its sidecar
- `evaluator`: one interface to all models; `onnx_evaluator`, `litert_evaluator`: runtimes of networks
- `onnx_file_check`: checks an ONNX file before its runtime reads it
- `lightgbm_text`: reads the text format of LightGBM; `tree_ensemble`: the trees and their raw scores
- `tree_shap`: exact contributions of inputs to a raw score
"""
