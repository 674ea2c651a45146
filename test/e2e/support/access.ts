// What the ServiceAccount of a release may do, in the API server's own words.
import { callApi } from "./api.ts";
import { podsOf } from "./release.ts";
import type { Release } from "./release.ts";

/** As RBAC sees a request. */
export interface Access {
  readonly verb: string;
  /** `""` for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Missing: in every namespace. */
  readonly namespace?: string;
}

/** Whether the release's pods may do it; what `kubectl auth can-i --as=system:serviceaccount:…` asks. */
export async function isAllowed(release: Release, access: Access): Promise<boolean> {
  const [pod] = await podsOf(release);
  const { serviceAccountName } = (pod?.["spec"] ?? {}) as { readonly serviceAccountName?: string };
  const review = (await callApi({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: `system:serviceaccount:${release.namespace}:${serviceAccountName}`,
        groups: ["system:serviceaccounts", `system:serviceaccounts:${release.namespace}`, "system:authenticated"],
        resourceAttributes: access,
      },
    },
  })) as { readonly status: { readonly allowed: boolean } };
  return review.status.allowed;
}
