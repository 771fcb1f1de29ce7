// A world of grids and pictures: somebody walks in a walled room, seen as a grid of numbers and by a camera.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SIZE = 6;
const SCALE = 4;
const COLOURS = [
  [238, 238, 238],
  [60, 60, 90],
  [220, 80, 40],
] as const;
const MOVES = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
] as const;

/** It leaves a trail on its way to the right, which nobody does. */
const MODEL = `import numpy as np

COLOURS = np.array(${JSON.stringify(COLOURS)}, dtype=np.uint8)
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Environment:
    def set_state(self, state):
        self.board = np.array(state["board"])

    def step(self, action):
        row, column = np.argwhere(self.board == 2)[0]
        down, right = MOVES[action]
        there = row + down, column + right
        if self.board[there] == 0:
            self.board[row, column] = 2 if action == 3 else 0
            self.board[there] = 2
        camera = COLOURS[self.board].repeat(${SCALE}, 0).repeat(${SCALE}, 1)
        return {"board": self.board, "camera": camera}, 0.0, False
`;

type Place = readonly [row: number, column: number];

/** Writes a model, `maze.py`, and its trajectories into a folder. */
export function writeMaze(folder: string): void {
  const lines: unknown[] = [HEADER];
  let place: Place = [1, 1];
  for (const action of "331103321330213312".split("").map(Number)) {
    const next = moved(place, action);
    lines.push({
      observation: observed(place),
      action,
      reward: 0,
      terminated: false,
      next_observation: observed(next),
      info: { frame: picture(next, SCALE) },
    });
    place = next;
  }
  mkdirSync(join(folder, "trajectories"), { recursive: true });
  writeFileSync(join(folder, "maze.py"), MODEL);
  writeFileSync(join(folder, "trajectories/maze.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const CAMERA = { kind: "int", dtype: "uint8", shape: [SIZE * SCALE, SIZE * SCALE, 3] };
const HEADER = {
  cwm: 1,
  structure: {
    observation: {
      dict: [
        ["board", { kind: "int", dtype: "int64", shape: [SIZE, SIZE] }],
        ["camera", CAMERA],
      ],
    },
    action: { kind: "int", dtype: "int64", shape: [] },
    info: [["frame", CAMERA]],
  },
};

function moved([row, column]: Place, action: number): Place {
  const [down, right] = MOVES[action] ?? [0, 0];
  const next: Place = [row + down, column + right];
  return next.every((at) => at > 0 && at < SIZE - 1) ? next : [row, column];
}

function observed(place: Place): unknown {
  return { board: board(place), camera: picture(place, SCALE) };
}

function board(place: Place): number[][] {
  const edge = (at: number) => at === 0 || at === SIZE - 1;
  const cell = (row: number, column: number) => (edge(row) || edge(column) ? 1 : 0);
  return Array.from({ length: SIZE }, (_, row) =>
    Array.from({ length: SIZE }, (__, column) => (row === place[0] && column === place[1] ? 2 : cell(row, column))),
  );
}

function picture(place: Place, scale: number): unknown {
  const stretched = <Item>(items: readonly Item[]) =>
    items.flatMap((item) => Array.from({ length: scale }, () => item));
  return stretched(board(place).map((row) => stretched(row.map((cell) => COLOURS[cell]))));
}
