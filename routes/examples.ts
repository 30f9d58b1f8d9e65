/** One example of every body that is text: answers of a server, with lists cut short. */
import recorded from "./examples.json" with { type: "json" };

/** Parts of media type objects by media type. */
type ByType = Record<string, { example?: unknown; examples?: Record<string, { value: unknown }> }>;

interface Examples {
  bodies?: ByType;
  answers?: Record<string, ByType>;
}

/** By operation. */
export const examples = recorded as Record<string, Examples | undefined>;

/** What problems of each status say. */
export const details: Record<string, string> = {
  400: 'Cannot use "limt": no such parameter; this path knows limit, after',
  401: "Cannot answer without a valid key (Authorization: Bearer KEY)",
  403: 'Cannot do this with a key without the scope "write"',
  404: 'Cannot find dataset "breast"',
  408: "Cannot wait for this body: it comes too slowly",
  409: 'Cannot change dataset "breast": job "job_01J8" reads it',
  412: "Cannot speak with this client: the header Tus-Resumable: 1.0.0 is needed",
  413: "Cannot take a body of more than 1048576 bytes",
  415: "Cannot read this body: JSON is needed",
  422: "Cannot accept this request",
  429: "Cannot predict now: too many pictures wait",
  460: "Cannot keep what came: its checksum is another",
  500: "Cannot answer: an unexpected error, told in the server's log",
  503: "Cannot answer: the server is leaving",
  507: "Cannot write: the server's disk is full",
};
