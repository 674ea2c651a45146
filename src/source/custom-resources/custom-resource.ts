// How one of our kinds is described: by its schema, and by what a CustomResourceDefinition says beside it. Types and names
// only.
import type { z } from "zod";

export const CUSTOM_RESOURCE_GROUP = "penstock.dev";
export const CUSTOM_RESOURCE_VERSION = "v1alpha1";

export interface CustomResource<Kind extends string = string> {
  readonly kind: Kind;
  readonly plural: string;
  readonly shortName: string;
  readonly isNamespaced: boolean;
  readonly isSpecRequired: boolean;
  readonly description: string;
  readonly spec: z.ZodType;
  /** What `kubectl get` shows, between name and age. */
  readonly columns: readonly PrinterColumn[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "boolean";
  readonly jsonPath: string;
}
