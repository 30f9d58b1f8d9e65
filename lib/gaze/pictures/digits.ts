/** Digits of 3 x 5 dots, for numbers in pictures. */
const ROWS = [
  "### ..# ### ### #.# ### ### ### ### ###",
  "#.# .## ..# ..# #.# #.. #.. ..# #.# #.#",
  "#.# ..# ### .## ### ### ### .#. ### ###",
  "#.# ..# #.. ..# ..# ..# #.# .#. #.# ..#",
  "### ..# ### ### ..# ### ### .#. ### ###",
].map((row) => row.split(" "));

/** Dots of a number, one column apart: [x, y] of each, and the size of all. */
export function numberDots(value: number): {
  dots: [number, number][];
  width: number;
  height: number;
} {
  const digits = [...String(Math.trunc(value))].map(Number);
  const dots: [number, number][] = [];
  digits.forEach((digit, at) => {
    ROWS.forEach((row, y) => {
      for (let x = 0; x < 3; x++) if (row[digit][x] === "#") dots.push([at * 4 + x, y]);
    });
  });
  return { dots, width: digits.length * 4 - 1, height: 5 };
}
