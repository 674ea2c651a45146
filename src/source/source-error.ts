// The one error that a source throws: what the user named at the start cannot be read at all.

/** A mistake in how the source was started; `message` is one line: what, where, what to do. Shown without a stack trace. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}
