"""What the released code of GIF-MCTS does with a tree, told again in one piece, to compare the strategy with.

Nodes are changed in place and children have names of an action and a number, as there (`g1`, `i2`, `f1`). Nothing is
chosen here: `scores` says what each child of a node is worth, and `play` takes in what came of one of them.
"""

import math

BUG = "bug"
HOPES = (0.0, 0.33, 0.66, 0.99)
PRIORS = {"g": 0.5, "i": 0.55, "f": 0.5}


class Model:
    """The value model of one kind of action; two observations of its prior to begin with."""

    def __init__(self, prior):
        self.total, self.count = 2 * prior, 2
        self.weights = [0.5, 0.5]
        self.rate = 3

    @property
    def overall(self):
        return self.total / self.count

    def predict(self, local):
        if local is None:
            return self.overall
        return (self.weights[0] * self.overall + self.weights[1] * local) / sum(self.weights)

    def learn(self, local, value):
        predicted = self.predict(local)
        slope = 2 * (predicted - value) / sum(self.weights) / self.rate
        inputs = (self.overall, local)
        self.weights = [w - slope * (known - predicted) for w, known in zip(self.weights, inputs, strict=True)]
        self.rate += 1
        self.total += value
        self.count += 1


class Node:
    """A node, or a child that nobody has asked for yet."""

    def __init__(self):
        self.parent, self.kind, self.lines = None, None, 0
        self.visits, self.sum, self.reward = 0, 0.0, 0.0
        self.expanded = self.terminal = self.bug = False
        self.fixes_left, self.length = 3, 2
        self.initial, self.children = ("g1", "i1"), {}

    @property
    def value(self):
        return self.sum / self.visits if self.visits else 0.0


class Released:
    """A search by the released code."""

    def __init__(self):
        self.root = Node()
        self.root.visits, self.root.children = 1, {"g1": Node()}
        self.models = {kind: Model(prior) for kind, prior in PRIORS.items()}

    def path(self, node):
        path = [node]
        while path[0].parent is not None:
            path.insert(0, path[0].parent)
        return path

    def scores(self, node):
        """UCT of every child, by name."""
        return {name: self._score(node, name, child) for name, child in node.children.items()}

    def play(self, node, name, outcome, lines):
        """Take in a program of so many lines: its accuracy, or that it is a bug."""
        child, kind, bug = node.children[name], name[0], outcome == BUG
        if not child.visits and not node.bug:
            node.children[f"{kind}{int(name[1:]) + 1}"] = Node()
        value = 0.0 if bug else outcome
        self._expand(node, child, kind, lines, bug, value)
        self.models[kind].learn(self._local(node, kind), value)
        backed_up = 0.0 if child.terminal else value
        for step in (child, *reversed(self.path(node))):
            step.sum += step.value if bug else backed_up
            step.visits += 1
            backed_up += step.reward
        if node.bug:
            self._speak_for_chain(node, child)
        return child

    def _score(self, node, name, child):
        if child.visits:
            return child.value + 0.1 * math.sqrt(math.log(node.visits) / (child.visits + 1))
        same = sum(other[0] == name[0] for other in node.children) - 1
        value = self.models[name[0]].predict(self._local(node, name[0]))
        return min(max(value, 0.0), 1.0) + 0.1 * math.sqrt(math.log(node.visits) / (same + 1))

    def _local(self, node, kind):
        values = [child.value for name, child in node.children.items() if name[0] == kind and child.expanded]
        return sum(values) / len(values) if values else None

    def _expand(self, node, child, kind, lines, bug, value):
        before = 2 if node is self.root else node.lines + 1
        child.lines = min(lines, before + node.length)
        child.length = child.lines - before
        child.terminal = child.length < node.length
        child.parent, child.kind, child.bug, child.expanded = node, kind, bug, True
        child.fixes_left = node.fixes_left - 1 if bug and kind == "f" else 3
        child.reward = value if child.terminal else 0.0
        hope = HOPES[child.fixes_left]
        if child.terminal:
            return
        if bug:
            child.initial = ("f1",) if hope else ()
            child.sum += hope
        child.children |= {name: Node() for name in child.initial}

    def _speak_for_chain(self, node, child):
        chain = [node]
        while chain[-1].kind == "f":
            chain.append(chain[-1].parent)
        exhausted = child.bug and child.fixes_left == 0
        for step in chain:
            step.sum = (HOPES[child.fixes_left] if child.bug else child.value) * step.visits
            step.terminal = step.terminal or exhausted
            step.bug = step.bug and exhausted
