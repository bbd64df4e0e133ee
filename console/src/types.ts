// What the gateway answers under /v1: the same as the commands print with -o json.

export interface Who {
  name: string;
  scopes?: string[];
}

// ---- routes ----

export interface RouteStats {
  count: number;
  success: number;
  failure: number;
  average_us: number | null;
  p50_us: number | null;
  p99_us: number | null;
  last_seen: string | null;
}

export interface Route {
  publisher: string;
  id: string;
  targets: string[];
  /** Of each target; without: each gets every request. */
  weights?: Record<string, number> | null;
  enabled: boolean;
  service: string | null;
  version: number;
  created_at: string;
  updated_at: string;
  stats?: RouteStats | null;
}

export interface Change {
  version: number;
  at: string;
  kind: string;
  name: string | null;
  who: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

// ---- what goes on ----

export interface Outcome {
  total: number;
  rate: number | null;
}

export interface Process {
  process: string;
  error?: string;
  role?: string;
  version?: string;
  phase?: string;
  ready?: boolean;
  uptime_ms?: number;
  reasons?: string[];
  notes?: string[];
  rate?: number | null;
  failed_rate?: number | null;
  outcomes?: Record<string, Outcome>;
  times?: { count: number; p50_us: number | null; p99_us: number | null } | null;
  in_flight?: number;
  in_flight_most?: number;
  oldest_ms?: number | null;
  lag?: number | null;
}

export interface PublisherRate {
  publisher: string;
  rate: number | null;
  failed_rate: number | null;
  routed: number;
  failed: number;
}

export interface TargetRate {
  target: string;
  rate: number | null;
  failed_rate: number | null;
  routed: number;
  failed: number;
  in_flight: number;
  stalled: boolean;
}

export interface View {
  at_ms: number;
  seconds: number | null;
  processes: Process[];
  publishers: PublisherRate[];
  targets: TargetRate[];
}

// ---- requests ----

export interface Row {
  time: string;
  at_us: number;
  by: "client" | "center" | "worker";
  message_type: "request" | "response";
  request_id: string;
  success: boolean;
  took_us: number | null;
  publisher: string | null;
  topic: string | null;
  partition: number | null;
  offset: number | null;
  target: string | null;
  route: string | null;
  code: string | null;
  error: string | null;
}

export interface Hop {
  by: string;
  from: string | null;
  to: string | null;
  start_us: number;
  took_us: number | null;
  end: "ok" | "failed" | "open";
  code: string | null;
  error: string | null;
}

export interface Trace {
  request_id: string;
  rows: Row[];
  hops: Hop[];
  complete: boolean;
}

// ---- dead letters ----

export interface Letter {
  time: string;
  code: string | null;
  reason: string | null;
  publisher: string | null;
  request_id: string | null;
  source: { topic: string | null; partition: number | null; offset: number | null };
  tenant: string | null;
  kind: string | null;
  target: string | null;
  group: string | null;
  attempts: number | null;
  written_by: string;
  partition: number;
  offset: number;
  bytes: number;
  truncated_from: number | null;
  /** What has become of it; null: not known. */
  status?: string | null;
  meaning?: string;
  next_step?: string;
}

// ---- the cluster ----

export interface Broker {
  id: number;
  host: string | null;
  port: number | null;
  healthy: boolean;
  latency_ms: number | null;
  leads: number;
  replicas: number;
  lagging: number;
  error: string | null;
}

export interface LagRow {
  topic: string;
  partition: number;
  committed: number | null;
  end: number | null;
  lag: number | null;
}

export interface GroupLag {
  group: string;
  state: string;
  members: number;
  lag: number;
  error: string | null;
  partitions: LagRow[];
}

export interface Health {
  healthy: boolean;
  status: string;
  timestamp: string;
  latency: number | null;
  reasons: string[];
  details: {
    connection: string;
    error?: string | null;
    cluster?: { cluster_id: string; brokers: number; controller: number | null; missing: number };
    brokers?: Broker[];
    topics?: { total: number; platform: number; internal: number };
    partitions?: { total: number; under_replicated: number; offline: number };
    lag?: { alert: number; error: string | null; complete: boolean; groups: GroupLag[] | null };
  };
}

export interface Topic {
  name: string;
  healthy: boolean;
  partitions: number;
  replication_factor: number;
  issues: string[];
}

export interface Schema {
  id: number;
  type: string;
  schema: string;
  subject: string;
  version: number;
}
