// The border between chunks that are copied and those whose memory is handed on.

/** Chunks up to this size are copied when they are sent; their memory may be used again at once. */
export const COPY_BYTES = 8192;
