/** A program that has started a server of its own, and waits. */
import { startServer } from "@/lib/demo/server.ts";

const { url } = await startServer(Deno.args[0]);
console.log(url);
setInterval(() => {}, 1000);
