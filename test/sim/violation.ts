/** A rule of PROTOCOL.md that a run broke. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** A short name of the rule: shrinking keeps to failures of the same rule. */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

/** Throws a {@link Violation} unless the condition holds. */
export function must(condition: boolean, rule: string, message: () => string): asserts condition {
  if (!condition) throw new Violation(rule, message());
}
