// A Namespace: nothing but its metadata is read.
import { OBJECT_META } from "./object-meta.ts";
import type { Shape } from "./shape.ts";
import { objectOf, STRING } from "./shape.ts";

export const NAMESPACE: Shape = objectOf({ apiVersion: STRING, kind: STRING, metadata: OBJECT_META }, [
  "spec",
  "status",
]);
