/** Debian's Python with PyTorch and torchvision, where it is there: a second opinion on weights. */

export const PYTHON = ["/usr/bin/python3", "python3"].find((path) => {
  try {
    const args = ["-c", "import torch, torchvision"];
    return new Deno.Command(path, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
});

/** What a script prints as JSON. */
export async function runPython<Result>(script: string, args: string[]): Promise<Result> {
  const { success, stdout, stderr } = await new Deno.Command(PYTHON!, {
    args: ["-c", script, ...args],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
