/** Options of a program on its command line; one that it does not know is refused in a line. */
import { parseArgs, type ParseArgsConfig } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: boolean }>
>;

/** Every program has it. */
const HELP = { help: { type: "boolean", short: "h" } } as const;

/**
 * Parses `args`; `--help` and `-h` are options of every program.
 * @param doing what cannot be done with an option that does not exist: `start`
 * @param words how many arguments without a name are taken, at most
 * @throws {Error} that names the option which does not exist or lacks its value
 */
export function readOptions<const O extends Options>(
  doing: string,
  options: O,
  args: string[],
  words = 0,
): Parsed<O & typeof HELP> {
  let parsed: Parsed<O & typeof HELP>;
  try {
    parsed = parseArgs({ args, options: { ...options, ...HELP }, allowPositionals: words > 0 });
  } catch (error) {
    const ambiguous = /^Option '(?:-\w, )?(--[\w-]+)/.exec((error as Error).message)?.[1];
    const value = args[args.indexOf(ambiguous ?? "") + 1];
    if (ambiguous && /argument is ambiguous/.test((error as Error).message) && value) {
      throw refused(
        doing,
        `${ambiguous} is followed by ${value}, which looks like an option; a value that begins with a dash is given ` +
          `as ${ambiguous}=${value}`,
      );
    }
    // The parser's first sentence; a second one is about arguments that are no options.
    const what = (error as Error).message.split(". ")[0].replace(/\n[^]*/, "");
    throw refused(doing, `${what.charAt(0).toLowerCase()}${what.slice(1)}`);
  }
  const [over] = parsed.positionals.slice(words);
  if (over !== undefined) throw refused(doing, `unexpected argument '${over}'`);
  return parsed;
}

const refused = (doing: string, why: string) =>
  new Error(`Cannot ${doing}: ${why.replace(/\.$/, "")}; see --help`);

/**
 * A number of an option, or `otherwise` where it is not given.
 * @throws {Error} that names the option and its bounds
 */
export function wholeNumber(
  option: string,
  text: string | undefined,
  { otherwise, least = 0, most }: { otherwise: number; least?: number; most: number },
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new Error(
      `Cannot use ${option} ${text}: a whole number from ${least} to ${most} is needed`,
    );
  }
  return value;
}

/** The options of a program that does one thing: asked for help it prints it and ends, as it does with a refusal. */
export function optionsOrEnd<const O extends Options>(
  help: string,
  doing: string,
  options: O,
): Parsed<O & typeof HELP>["values"] {
  try {
    const { values } = readOptions(doing, options, Deno.args);
    if (!(values as { help?: boolean }).help) return values;
    console.log(`${help}\n  -h, --help    prints this and leaves`);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
  Deno.exit(0);
}
