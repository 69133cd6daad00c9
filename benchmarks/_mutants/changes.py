"""Small changes of a module's source, as a careless hand could make them.

Not changed: texts of docstrings and errors, annotations and type aliases, decorators, imports, and what
`assert` tells the type checker.
"""

import ast
import copy
from typing import Any, NamedTuple

SWAPPED_OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Div,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_PAIRS = (
    "maximum minimum, max min, add subtract, multiply divide, any all, cos sin, floor ceil, zeros ones, "
    "zeros_like ones_like, logical_or logical_and, sum prod, cumsum cumprod, mean sum, exp expm1, log log1p"
)
SWAPPED_FUNCTIONS = {}
for _pair in _PAIRS.split(", "):
    _first, _second = _pair.split()
    SWAPPED_FUNCTIONS.setdefault(_first, _second)
    SWAPPED_FUNCTIONS.setdefault(_second, _first)


# Two arguments in the other order are the same, or a mere error of types.
NOT_SWAPPED = {"add", "multiply", "maximum", "minimum", "logical_or", "isinstance", "getattr", "hasattr"}


class Place(NamedTuple):
    """Where a node stands in the tree."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node):
        """Put another node there."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


class Change(NamedTuple):
    """One change: what a node becomes, and where."""

    scope: tuple[str, ...]  # names of the classes and functions around it
    function: bool  # whether it is in the body of a function, not in what runs at import
    statement: ast.stmt
    place: Place
    old: ast.AST
    new: Any

    @property
    def lines(self):
        """The lines of its statement; of a compound one the head."""
        body = getattr(self.statement, "body", None)
        first = self.statement.lineno
        last = max(first, body[0].lineno - 1) if body else self.statement.end_lineno
        return range(first, last + 1)

    def __str__(self):
        return f"{_text(self.old)} -> {_text(self.new)}"

    def code(self, tree, path):
        """Return the changed module, compiled; the tree is as before afterwards."""
        self.place.put(self.new)
        try:
            return compile(ast.fix_missing_locations(tree), path, "exec")
        finally:
            self.place.put(self.old)


def changes_of(tree):
    """Return all changes of a module."""
    return list(_visit(tree, (), False, None))


def _visit(node, scope, in_function, statement):
    """Yield the changes of what is below a node."""
    for place, child in _children(node):
        inner = child if isinstance(child, ast.stmt) else statement
        if inner is not None and not _is_left_out(child, place):
            for new in _replacements(child, place):
                new = ast.copy_location(new, child) if isinstance(new, ast.AST) else new
                yield Change(scope, in_function, inner, place, child, new)
        if _is_left_out(child, place) or isinstance(child, ast.Raise):
            continue
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            is_function = in_function or isinstance(child, ast.FunctionDef)
            name = (*scope, child.name)
            yield from _visit_definition(child, name, in_function, is_function)
        else:
            yield from _visit(child, scope, in_function, inner)


def _visit_definition(node, scope, in_outer, is_function):
    """Yield the changes of a function or class; defaults of arguments belong to what is around it."""
    if isinstance(node, ast.FunctionDef):
        head = [
            (Place(node.args, name, i), default)
            for name in ("defaults", "kw_defaults")
            for i, default in enumerate(getattr(node.args, name))
            if default is not None
        ]
        for place, default in head:
            for new in _replacements(default, place):
                new = ast.copy_location(new, default)
                yield Change(scope, in_outer, node, place, default, new)
    body = ast.Module(node.body, [])  # shares the list, so that a change reaches the tree
    yield from _visit(body, scope, is_function, None)


def _children(node):
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield Place(node, field, None), value
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield Place(node, field, i), item


def _is_left_out(node, place):
    if place.field in ("annotation", "returns", "decorator_list", "bases", "keywords") and isinstance(
        place.parent, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign, ast.arg)
    ):
        return True
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert, ast.JoinedStr)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.AnnAssign):
        return node.value is None or ast.unparse(node.annotation) == "TypeAlias"
    if isinstance(node, ast.Assign):
        return "TypeVar" in ast.unparse(node.value) or ast.unparse(node.targets[0]) == "__all__"
    return False


def _replacements(node, place):
    """Yield what may take the place of a node."""
    for kinds, replace in _RULES:
        if isinstance(node, kinds):
            yield from replace(node, place)


def _operators(node, place):
    new = copy.copy(node)
    if isinstance(node, ast.Compare):
        if len(node.ops) == 1 and (swapped := SWAPPED_OPERATORS.get(type(node.ops[0]))):
            new.ops = [swapped()]
            yield new
        elif len(node.ops) > 1:
            for i, op in enumerate(node.ops):
                new = copy.copy(node)
                new.ops = [*node.ops[:i], SWAPPED_OPERATORS[type(op)](), *node.ops[i + 1 :]]
                yield new
    elif swapped := SWAPPED_OPERATORS.get(type(node.op)):
        new.op = swapped()
        yield new


def _signs(node, place):
    yield node.operand


def _constants(node, place):
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
        if (
            isinstance(value, float) and 0 < abs(value) < 0.1
        ):  # small numbers, of which 1 more is another thing
            yield ast.Constant(10 * value)
    elif isinstance(value, str) and value:
        yield ast.Constant(f"XX{value}XX")


def _functions(node, place):
    if node.attr in SWAPPED_FUNCTIONS:
        yield ast.Attribute(node.value, SWAPPED_FUNCTIONS[node.attr], node.ctx)


def _calls(node, place):
    for i, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            new = copy.copy(node)
            new.keywords = [*node.keywords[:i], *node.keywords[i + 1 :]]
            yield new
    plain = not any(isinstance(argument, ast.Starred) for argument in node.args)
    if plain and len(node.args) == 1 and not node.keywords:
        yield node.args[0]
    if plain and len(node.args) >= 2 and _name(node.func) not in NOT_SWAPPED:
        new = copy.copy(node)
        new.args = [node.args[1], node.args[0], *node.args[2:]]
        yield new


def _name(function):
    return getattr(function, "attr", getattr(function, "id", None))


def _bounds(node, place):
    for name in ("lower", "upper", "step"):
        if getattr(node, name) is not None:
            new = copy.copy(node)
            setattr(new, name, None)
            yield new


def _conditions(node, place):
    test = node.test
    if not isinstance(test, ast.Compare) and not isinstance(getattr(test, "op", None), ast.Not):
        new = copy.copy(node)
        new.test = ast.UnaryOp(ast.Not(), test)
        yield new


def _statements(node, place):
    if isinstance(node, ast.Return):
        if node.value is None:
            yield ast.Pass()
        elif not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
        return  # without it there is a NameError: a change that shows nothing
    else:
        yield ast.Pass()


_RULES = (
    ((ast.BinOp, ast.AugAssign, ast.BoolOp, ast.Compare), _operators),
    (ast.UnaryOp, _signs),
    (ast.Constant, _constants),
    (ast.Attribute, _functions),
    (ast.Call, _calls),
    (ast.Slice, _bounds),
    ((ast.If, ast.IfExp, ast.While), _conditions),
    (
        (ast.Return, ast.Raise, ast.Expr, ast.AugAssign, ast.Assign, ast.Break, ast.Continue),
        _statements,
    ),
)


def _text(node):
    """Return the first line of a node's source, shortened."""
    if isinstance(node, (ast.If, ast.While)):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
    lines = ast.unparse(node).splitlines() or [""]
    return lines[0] if len(lines) == 1 else lines[0] + " ..."
