/** The part of pg that is used. */
declare namespace pg {
  interface QueryConfig {
    text: string;
    values?: unknown[];
    /** Under it the server keeps the statement's plan, for the connection's life. */
    name?: string;
  }

  interface QueryResult {
    // deno-lint-ignore no-explicit-any
    rows: any[];
    rowCount: number | null;
  }

  interface ClientConfig {
    connectionString?: string;
    types?: { getTypeParser(oid: number, format?: "text" | "binary"): (value: string) => unknown };
    /** Settings of the session, as on the server's command line. */
    options?: string;
    application_name?: string;
    connectionTimeoutMillis?: number;
    query_timeout?: number;
    keepAlive?: boolean;
  }

  interface Queryable {
    query(query: string | QueryConfig, values?: unknown[]): Promise<QueryResult>;
  }

  class Client implements Queryable {
    constructor(config: string | ClientConfig);
    connect(): Promise<void>;
    query(query: string | QueryConfig, values?: unknown[]): Promise<QueryResult>;
    on(event: "error", heard: (error: Error) => void): this;
    on(event: "end", heard: () => void): this;
    on(
      event: "notification",
      heard: (message: { channel: string; payload?: string }) => void,
    ): this;
    end(): Promise<void>;
  }

  interface PoolClient extends Queryable {
    /** With an error the connection is closed instead of used again. */
    release(error?: Error | boolean): void;
    on(event: "error", heard: (error: Error) => void): this;
  }

  class Pool implements Queryable {
    constructor(config: ClientConfig & { max?: number; idleTimeoutMillis?: number });
    connect(): Promise<PoolClient>;
    query(query: string | QueryConfig, values?: unknown[]): Promise<QueryResult>;
    on(event: "error", heard: (error: Error) => void): this;
    on(event: "connect", made: (client: PoolClient) => void): this;
    end(): Promise<void>;
  }

  const types: { getTypeParser(oid: number, format?: string): (value: string) => unknown };
}
export default pg;
