/** Whether the places of rows and files answer: looked at now and then, so that whoever asks is answered at once. */
import type { Store } from "@/lib/store/mod.ts";

const EVERY_MS = 3_000;
/** One that does not answer within this is away. */
const PATIENCE_MS = 3_000;

class Place {
  answers = true;
  #asking?: Promise<void>;

  constructor(readonly ask: () => Promise<unknown>) {}

  /** One question at a time: one that hangs is not asked again. */
  async look(): Promise<void> {
    if (this.#asking) return;
    const asking = this.ask().then(
      () => this.#heard(true),
      () => this.#heard(false),
    );
    this.#asking = asking;
    let timer: ReturnType<typeof setTimeout>;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        if (this.#asking === asking) this.answers = false;
        resolve();
      }, PATIENCE_MS);
    });
    await Promise.race([asking, late]);
    clearTimeout(timer!);
  }

  #heard(answers: boolean): void {
    this.answers = answers;
    this.#asking = undefined;
  }
}

export class Places {
  readonly #database: Place;
  readonly #bucket?: Place;
  #timer?: ReturnType<typeof setInterval>;

  constructor({ db, cluster }: Pick<Store, "db" | "cluster">) {
    this.#database = new Place(() => db.get("SELECT 1 AS answers"));
    if (cluster) this.#bucket = new Place(() => cluster.owner.reach());
  }

  get database(): boolean {
    return this.#database.answers;
  }

  /** Undefined where files lie in the data directory alone. */
  get bucket(): boolean | undefined {
    return this.#bucket?.answers;
  }

  /** Looks once, then again and again. */
  async start(): Promise<void> {
    const look = () => Promise.all([this.#database.look(), this.#bucket?.look()]);
    this.#timer = setInterval(() => void look(), EVERY_MS);
    await look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
