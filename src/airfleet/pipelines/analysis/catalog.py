"""Installed operators and functions, found by reading files: no Airflow and no user code is imported.

``operator`` says what an operator class takes, and ``function`` what a Python function takes. All answer
:data:`~airfleet.pipelines.analysis.modules.UNKNOWN` rather than guess.
"""

from __future__ import annotations

import ast
import functools
import os
from dataclasses import dataclass

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import UNKNOWN, Definition, MissingDefinition, Unknown
from airfleet.pipelines.analysis.signatures import Signature, class_facts, signature
from airfleet.pipelines.language.arguments import BASE_OPERATOR_ARGUMENTS

# -- functions ---------------------------------------------------------------------------------


def function(module: str, name: str, roots: Roots = ()) -> Signature | MissingDefinition | Unknown:
    """Read what the Python function ``module:name`` takes. Modules are looked for in ``roots`` first."""
    found = modules.find(module, name, roots)
    if not isinstance(found, Definition):
        return _only_callables(found, roots)
    if isinstance(found.node, ast.ClassDef) or found.node.decorator_list:
        return UNKNOWN  # a decorator may change what is taken
    return signature(found.node.args, found.node.returns)


def _only_callables(answer: MissingDefinition | Unknown, roots: Roots) -> MissingDefinition | Unknown:
    """Keep for the hint only names that can be functions."""
    if answer is UNKNOWN or not answer.name:
        return answer
    outline = modules.read(answer.module, roots)
    if not isinstance(outline, modules.Outline):
        return answer
    return MissingDefinition(answer.module, answer.name, outline.callables)


# -- operators ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operator:
    """Arguments of an operator class beyond those that every task takes."""

    path: str
    signature: Signature
    #: the arguments that may hold markers, None when that cannot be known
    template_fields: frozenset[str] | None
    #: False when the class is certainly not an operator
    is_operator: bool = True
    #: whether it renders objects in ways of its own, as those of Kubernetes do
    renders_objects: bool = False


def operator(path: str, roots: Roots = ()) -> Operator | MissingDefinition | Unknown:
    """Read what the operator at an import path takes, with everything it inherits up to BaseOperator."""
    top = path.partition(".")[0]
    if any(map(os.path.exists, (os.path.join(root, name) for root in roots for name in (top, f"{top}.py")))):
        return _read_operator(path, roots)  # the user's own: may be edited while we live
    return _installed_operator(path)


@functools.cache
def _installed_operator(path: str) -> Operator | MissingDefinition | Unknown:
    return _read_operator(path, ())


def _read_operator(path: str, roots: Roots) -> Operator | MissingDefinition | Unknown:
    module, _, name = path.rpartition(".")
    found = modules.find(module, name, roots)
    if not isinstance(found, Definition):
        return found
    if not isinstance(found.node, ast.ClassDef):
        return Operator(path, Signature({}, open=True), None, is_operator=False)
    facts = class_facts(found.module, name, roots)
    own = {key: needed for key, needed in facts.parameters.items() if key not in BASE_OPERATOR_ARGUMENTS}
    fields = None if facts.template_fields is None else frozenset(facts.template_fields)
    takes = Signature(own, facts.open, facts.annotations)
    return Operator(path, takes, fields, facts.is_operator or facts.open, facts.renders_objects or facts.open)
