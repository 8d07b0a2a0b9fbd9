// The service, as the pages speak to it. Every failure is a Refusal; a key travels in the Authorization header only.
import { apiKey } from "./preferences.js";

const PROBLEM = "urn:street-patrol:problem:";

/** Why the service did not do what was asked; `slug` is "offline" where it could not be reached at all. */
export class Refusal extends Error {
  constructor(slug, status, detail = "", members = {}, retryAfter = null) {
    super(detail || slug);
    Object.assign(this, { slug, status, detail, members, retryAfter });
  }

  /** Whether the same request may well succeed after a while. */
  get passes() {
    return this.status === 429 || this.status === 503;
  }

  get needsKey() {
    return this.status === 401;
  }
}

/** The last part of a problem's type. */
export const slugOf = (type) => String(type ?? "").replace(PROBLEM, "");

/** The response to a request, if it succeeded. */
async function fetched(path, { method = "GET", body, headers = {}, signal } = {}) {
  const sent = new Headers(headers);
  if (apiKey()) sent.set("Authorization", `Bearer ${apiKey()}`);
  let response;
  try {
    response = await fetch(path, { method, body, headers: sent, signal, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("offline", 0);
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response) {
  const document = await response.json().catch(() => ({}));
  const { type, detail, ...members } = document;
  const slug = slugOf(type) || `http-${response.status}`;
  return new Refusal(slug, response.status, detail ?? "", members, waitOf(response.headers.get("Retry-After")));
}

/** Seconds of a Retry-After header, which may also be a date; null if there is none. */
export function waitOf(header) {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds));
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

const json = (body) => ({ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

const query = (path, values) => {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
};

const asked = async (...request) => (await fetched(...request)).json();

export const features = () => asked("v1/features");
export const categories = (scheme) => asked(query("v1/categories", { scheme }));
export const records = (filters) => asked(query("v1/records", filters));
export const record = (id) => asked(`v1/records/${encodeURIComponent(id)}`);
export const sendFeedback = (body) => asked("v1/feedback", json(body));
export const stats = (period) => asked(query("v1/feedback/stats", period));
export const models = () => asked("v1/models");
export const activateModel = (version) => asked("v1/models/activate", json({ version }));
export const rollbackModel = () => asked("v1/models/rollback", json({}));

/** {requests, errors} of POST /v1/classify since the service started; errors are answers from 500 on. */
export async function errorCounts() {
  const text = await (await fetched("metrics")).text();
  const counts = { requests: 0, errors: 0 };
  for (const [, labels, value] of text.matchAll(/^patrol_requests_total\{(.*)\} (\S+)$/gmu)) {
    if (!labels.includes('route="/v1/classify"')) continue;
    counts.requests += Number(value);
    if (/status="5/u.test(labels)) counts.errors += Number(value);
  }
  return counts;
}

/** A stored photo as a blob; an <img> could not send the key. */
export const storedPhoto = async (id, index) =>
  (await fetched(`v1/records/${encodeURIComponent(id)}/photos/${index}`)).blob();

/** The answer for the photos of one case. */
export function classify(files, scheme, signal) {
  const body = new FormData();
  for (const file of files) body.append("photos", file, file.name || "photo.jpg");
  if (scheme) body.append("scheme", scheme);
  return asked("v1/classify", { method: "POST", body, signal });
}
