/** A node's log, on standard error: a line for each event, as text for people or as JSON. */

import winston from "winston";
import type { NodeConfig } from "../node/config.js";
import { hasColours } from "./terminal.js";

/** Makes the logger that the configuration asks for. */
export function createLogger(config: NodeConfig): winston.Logger {
  const { combine, timestamp, json, errors } = winston.format;
  return winston.createLogger({
    level: config.logLevel,
    format:
      config.logFormat === "json"
        ? combine(errors({ stack: true }), timestamp(), json())
        : combine(errors({ stack: true }), timestamp(), ...colours(), text),
    defaultMeta: { node: config.nodeId },
    transports: [
      new winston.transports.Console({ stderrLevels: ["error", "warn", "info", "debug"] }),
    ],
  });
}

function colours(): winston.Logform.Format[] {
  return hasColours(process.stderr) ? [winston.format.colorize()] : [];
}

const text = winston.format.printf(({ timestamp, level, message, node, stack, ...rest }) => {
  const extra = Object.entries(rest).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const trace = typeof stack === "string" ? `\n${stack}` : "";
  return `${String(timestamp)} ${level} ${String(node)}: ${String(message)}${extra.join("")}${trace}`;
});
