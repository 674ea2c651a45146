// The CustomResourceDefinition of one of our kinds, made from its schema.
import { stringify } from "yaml";
import type { CustomResource } from "../../src/source/custom-resources/custom-resource.ts";
import { CUSTOM_RESOURCE_GROUP, CUSTOM_RESOURCE_VERSION } from "../../src/source/custom-resources/custom-resource.ts";
import { structuralSchemaOf } from "../../src/source/custom-resources/structural-schema.ts";
import type { StructuralSchema } from "../../src/source/custom-resources/structural-schema.ts";

const HEADER = "# Made by `npm run crds` from src/source/custom-resources: change the schema there, not this file.\n";

const LINE_WIDTH = 120;

/** Descriptions of what every object has, as for Kubernetes' own kinds. */
const TYPE_META: Readonly<Record<string, StructuralSchema>> = {
  apiVersion: { description: "The group and version of the schema.", type: "string" },
  kind: { description: "The kind of object.", type: "string" },
  metadata: { type: "object" },
};

/** `penstock.dev_upstreampolicies.yaml`. */
export function fileNameOf(resource: CustomResource): string {
  return `${CUSTOM_RESOURCE_GROUP}_${resource.plural}.yaml`;
}

/** The definition as YAML, ready for `kubectl apply`. */
export function renderDefinition(resource: CustomResource): string {
  return HEADER + stringify(definitionOf(resource), { lineWidth: LINE_WIDTH, aliasDuplicateObjects: false });
}

/** The schema of whole objects, as the API server reads it. */
export function objectSchemaOf(resource: CustomResource): StructuralSchema {
  const properties = { ...TYPE_META, spec: structuralSchemaOf(resource.spec) };
  const required = resource.isSpecRequired ? { required: ["spec"] } : {};
  return { description: resource.description, type: "object", ...required, properties };
}

function definitionOf(resource: CustomResource): object {
  const { columns, isNamespaced, kind, plural, shortName } = resource;
  const age = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${CUSTOM_RESOURCE_GROUP}` },
    spec: {
      group: CUSTOM_RESOURCE_GROUP,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ["penstock"],
      },
      scope: isNamespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: CUSTOM_RESOURCE_VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: [...columns, age],
          schema: { openAPIV3Schema: objectSchemaOf(resource) },
        },
      ],
    },
  };
}
