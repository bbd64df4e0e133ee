"""What must hold of the figures of a fault. A case says it beside them: NAME_at_most and NAME_at_least, of a number, or of each
in a list or a table. What may never be at all needs no saying."""

from fleet import IN_FLIGHT

RESUMES = 3  # seconds until the first success after all is well again
MEMORY = {"center": 256, "worker": 256, "client": 256}  # MiB: what settings bound, and librdkafka's own bounds

# Which promise a figure stands for. I1: each call ends once. I2: nothing accepted is lost. I3: what is done twice is within the
# bounds. I4: no answer is given to another request, and a key keeps its order. I5: memory is bounded. I6: work goes on by itself.
PROMISES = {
    "I1": ("unended", "ended_twice", "unasked", "not_ok", "failed", "refused", "longest_s", "timeouts", "told"),
    "I2": ("lost", "untraced", "missing", "gaps", "letters", "lettered"),
    "I3": ("stored_again", "run_again", "routed_again", "rows_twice", "doubled", "repeats", "answered_twice", "commits_gone_back"),
    "I4": ("wrong", "crossed", "reordered", "others_refused"),
    "I5": ("rss_mib", "fds_an_hour"),
    "I6": ("resumed_s", "answered_a_second", "routing_in_fault_p99_ratio", "stopped", "codes", "exits"),
}
NEVER = {"failed", "refused", "lost", "wrong", "unended", "ended_twice", "unasked", "crossed", "reordered", "untraced", "rows_twice", "doubled",
         "missing", "gaps", "repeats", "others_refused", "stopped"}
BY_CODE = ("errors", "ended")  # tables whose names are codes of errors
ALIKE = ("records", "rows", "rows_listed", "trace_rows")


def at_most(**bounds):
    return {f"{name}_at_most": bound for name, bound in bounds.items()}


def at_least(**bounds):
    return {f"{name}_at_least": bound for name, bound in bounds.items()}


def exactly(**bounds):
    return at_most(**bounds) | at_least(**bounds)


def once():
    return at_most(stored_again=0, run_again=0, routed_again=0)


def may_repeat(faults, rate):
    """What so many faults may have done twice: what was in flight, and what was done and not committed (docs/architecture.md)."""
    bound = faults * (IN_FLIGHT + rate)
    return at_most(run_again=bound, routed_again=bound)


def each(value):
    """The numbers in it, each with its name where it has one."""
    if isinstance(value, dict):
        return [*value.items()]
    return [(None, one) for one in value] if isinstance(value, list) else [(None, value)]


def is_beyond(value, bound, way):
    """Whether some number of it is on the wrong side of its bound, or is not there."""
    for name, one in each(value):
        limit = bound.get(name) if isinstance(bound, dict) else bound
        if limit is not None and (one is None or (one > limit if way == "at_most" else one < limit)):
            return True
    return False


def broken(figures, path=""):
    """(name, what may not be) of a fault's figures."""
    for name, value in figures.items():
        figure, _, way = name.rpartition("_at_")
        if way in ("most", "least"):
            if is_beyond(figures[figure], value, f"at_{way}"):
                yield figure, f"{path}{figure} {figures[figure]}, {way} {value}"
        elif isinstance(value, dict):
            yield from broken(value, f"{path}{name}.") if name not in BY_CODE else ()
        elif name in NEVER and (any(value) if isinstance(value, list) else value):
            yield name, f"{path}{name} {value}"
    counts = {name: figures[name] for name in ALIKE if name in figures}
    if len(set(counts.values())) > 1:
        yield "untraced", f"{path}different {counts}"


def names_in(figures):
    for name, value in figures.items():
        yield name
        if isinstance(value, dict) and name not in BY_CODE:
            yield from names_in(value)


def held(figures):
    """Of each promise that the figures speak of, whether it held."""
    spoken = set(names_in(figures))
    bad = {name for name, _ in broken(figures)}
    return {promise: not bad & set(names) for promise, names in PROMISES.items() if spoken & set(names)}
