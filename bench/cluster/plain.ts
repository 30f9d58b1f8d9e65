/** The steps of cells and nothing else: what they take on this machine just now. Its arguments are the numbers of steps. */
const [ms, ...cells] = Deno.args.map(Number);
for (const steps of cells) {
  for (let i = 0; i < steps; i++) await new Promise((resolve) => setTimeout(resolve, ms));
}
