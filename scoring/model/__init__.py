"""Scoring models: components, their weights and the eligibility rules.

- `component`: the base class of components; `terms`: the kinds of terms that a component returns
- `component_inputs`: the arrays that a component reads; `explanation_inputs`: a user and a job as Python values
- `group_weights`: weights on two levels; `eligibility`: which jobs may be ranked
- `eligibility_rule`: a condition written by the user; `rule_expression`: its grammar
- `list_rules`: rules of lists, which belong to a run and not to a model
- `model`: `ScoringModel`; `model_file`: parse and write YAML; `setting_text`: parameters and rules as text
- `presets/`: the shipped models
"""

from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.eligibility import Eligibility
from scoring.model.eligibility_rule import EligibilityRule
from scoring.model.explanation_inputs import Pair
from scoring.model.group_weights import GROUPS, WeightProfile
from scoring.model.model import Part, ScoringModel
from scoring.model.model_file import dump_model, parse_model, parse_settings, parse_weights
from scoring.model.terms import (
    AffineLink,
    DotTerm,
    Flags,
    FlagTerm,
    IntervalTerm,
    JobTerm,
    Key,
    LookupTerm,
    Number,
    SigmoidLink,
    TreeTerm,
    UserTerm,
    Value,
)

__all__ = [
    "GROUPS",
    "AffineLink",
    "Component",
    "DotTerm",
    "Eligibility",
    "EligibilityRule",
    "FlagTerm",
    "Flags",
    "Inputs",
    "IntervalTerm",
    "JobTerm",
    "Key",
    "LookupTerm",
    "Number",
    "Pair",
    "Part",
    "Reason",
    "ScoringModel",
    "SigmoidLink",
    "TreeTerm",
    "UserTerm",
    "Value",
    "WeightProfile",
    "dump_model",
    "parse_model",
    "parse_settings",
    "parse_weights",
]
