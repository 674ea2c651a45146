// What compiling costs in the units of a SliceMeter, roughly in proportion to the time it takes. One unit is one new route.

/** A new route, host, upstream or certificate. */
export const NEW_UNITS = 1;

/** Something that is looked at and taken over, or put into a table: 0.1 µs, where a new route takes a few. */
export const KEPT_UNITS = 0.03;

/** A character of a path. */
export const CHARACTER_UNITS = 0.01;

/**
 * What one turn of the event loop may do of it: about 2 ms on a core of its own, little beside what requests do anyway, so
 * that nobody notices even where the core is shared with many.
 */
export const UNITS_PER_TURN = 500;
