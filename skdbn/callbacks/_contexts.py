"""Where in a fit a callback is called."""


def path_of(context):
    """Return the numbers of the tasks from the whole fit down to the one of a context."""
    path = []
    while context is not None:
        path.append(context.task_id)
        context = context.parent
    return tuple(reversed(path))


def contexts_above(context):
    """Yield a context and all that it is a part of."""
    while context is not None:
        yield context
        context = context.parent
