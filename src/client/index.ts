/** The client library, as `import { connect } from "suraft/client"` gives it. */

export { SuraftError, type ErrorKind } from "../errors.js";
export { connect, type Client, type ClientOptions } from "./client.js";
export type { AppendSession, Delivery, SessionOptions } from "./session.js";
export type * from "./types.js";
