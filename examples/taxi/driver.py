"""A policy to record with: drives towards its next landmark most of the time, so that some rides end well."""

LANDMARKS = [(0, 0), (0, 4), (4, 0), (4, 3)]
SOUTH, NORTH, EAST, WEST, PICK_UP, DROP_OFF = range(6)


def drive(observation, rng):
    """An action for the state `observation` (0..499); `rng` is a NumPy generator."""
    if rng.random() < 0.4:
        return int(rng.integers(6))
    rest, destination = divmod(int(observation), 4)
    rest, passenger = divmod(rest, 5)
    row, column = divmod(rest, 5)
    to_row, to_column = LANDMARKS[destination if passenger == 4 else passenger]
    choices = []
    if row != to_row:
        choices.append(SOUTH if row < to_row else NORTH)
    if column != to_column:
        choices.append(EAST if column < to_column else WEST)
    if not choices:
        return DROP_OFF if passenger == 4 else PICK_UP
    return int(rng.choice(choices))
