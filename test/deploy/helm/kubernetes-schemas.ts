// What Kubernetes and the Prometheus operator accept, by their own schemas as kubernetes-models has compiled them. Used by chart.test.ts.
import { PodMonitor, PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { DaemonSet, StatefulSet } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, Service, ServiceAccount } from 'kubernetes-models/v1'

/** A class whose `validate` throws what the schema says about `this`. */
interface Model {
  readonly prototype: { readonly validate: (this: object) => void }
}

const models: Readonly<Record<string, Model>> = {
  'v1 ConfigMap': ConfigMap,
  'v1 Service': Service,
  'v1 ServiceAccount': ServiceAccount,
  'apps/v1 DaemonSet': DaemonSet,
  'apps/v1 StatefulSet': StatefulSet,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'monitoring.coreos.com/v1 PodMonitor': PodMonitor,
  'monitoring.coreos.com/v1 PrometheusRule': PrometheusRule,
}

/** What is wrong with a manifest: nothing, or a list of complaints. */
export function complaints(manifest: { readonly apiVersion: string; readonly kind: string }): string[] {
  const model = models[`${manifest.apiVersion} ${manifest.kind}`]
  if (model === undefined) return [`no schema for ${manifest.apiVersion} ${manifest.kind}`]
  const looks = new Looks()
  try {
    // On the manifest and not on an instance, which would be a copy.
    Reflect.apply(model.prototype.validate, looks.at(manifest), [])
  } catch (error) {
    return [String(error)]
  }
  return looks.unseen(manifest)
}

/**
 * Kubernetes' schemas let pass what they do not know, and the API server drops it: a misspelt field is silently none. But a compiled schema
 * looks at every field that it knows, so that what it never looked at is misspelt.
 */
class Looks {
  readonly #seen = new Map<object, Set<string>>()

  at<Value>(value: Value): Value {
    if (typeof value !== 'object' || value === null) return value
    const seen = new Set<string>()
    this.#seen.set(value, seen)
    return new Proxy(value, {
      get: (target, key) => {
        if (typeof key === 'string') seen.add(key)
        const field: unknown = Reflect.get(target, key)
        return this.at(field)
      },
      // A map of free keys is gone through.
      ownKeys: (target) => {
        for (const key of Object.keys(target)) seen.add(key)
        return Reflect.ownKeys(target)
      },
    })
  }

  unseen(value: unknown, path = ''): string[] {
    if (typeof value !== 'object' || value === null) return []
    const seen = this.#seen.get(value)
    // Nobody looked into it: a field whose content is free.
    if (seen === undefined) return []
    return Object.entries(value).flatMap(([key, content]) =>
      seen.has(key) ? this.unseen(content, `${path}/${key}`) : [`${path}/${key} is no field`],
    )
  }
}
