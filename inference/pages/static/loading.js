// What a review asks of the service: categories, the judgement of photos, a stored record.
import * as api from "./api.js";
import { Catalogue } from "./catalogue.js";
import { nextId } from "./case.js";
import { useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { t } from "./i18n.js";
import * as preferences from "./preferences.js";

export function useCatalogue(app) {
  const [catalogue, setCatalogue] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const [scheme, setScheme] = useState(preferences.scheme());
  const load = () =>
    api.categories(scheme).then(
      (answer) => {
        setCatalogue(new Catalogue(answer));
        setRefusal(null);
      },
      (reason) => {
        if (reason.slug === "unknown-scheme") choose("");
        else setRefusal(reason);
        if (reason.needsKey) app.askKey();
      },
    );
  const choose = (name) => {
    preferences.setScheme(name);
    setScheme(name);
  };
  useEffect(() => {
    load();
  }, [scheme, app.key]);
  return { catalogue, refusal, setScheme: choose, reload: load };
}

/** Sends photos to be judged; a later call takes the place of one still under way. */
export function useAnalysis(dispatch, app) {
  const current = useRef(null);
  const analyse = async (photos) => {
    current.current?.abort();
    const control = new AbortController();
    current.current = control;
    dispatch({ type: "reading" });
    app.announce(t("review.reading", { count: photos.length }));
    try {
      const answer = await api.classify(
        photos.map((photo) => photo.file),
        "",
        control.signal,
      );
      dispatch({ type: "answered", answer });
      const verdict = t(`verdict.${answer.verdict}`);
      app.announce(t("review.arrived", { verdict, count: answer.suggestions.length }));
    } catch (refusal) {
      if (refusal.name !== "AbortError") dispatch({ type: "refused", refusal });
    }
  };
  return { analyse, cancel: () => current.current?.abort() };
}

/** Opens the record that the address names, with its photos where the service kept them. */
export function useStoredRecord(recordId, dispatch, app) {
  const open = async (id) => {
    const record = await api.record(id);
    const photos = record.photos.map((answer) => ({
      id: nextId(),
      file: null,
      name: answer.filename || answer.sha256?.slice(0, 12) || `${answer.index + 1}`,
      url: null,
      kept: null,
      answer,
    }));
    dispatch({ type: "opened", record, photos });
    for (const [index, photo] of photos.entries()) {
      const blob = photo.answer.kept ? await api.storedPhoto(id, index).catch(() => null) : null;
      dispatch({ type: "photoShown", id: photo.id, url: blob && URL.createObjectURL(blob) });
    }
  };
  const reopen = () => {
    if (recordId.current !== null) open(recordId.current).catch((refusal) => dispatch({ type: "refused", refusal }));
  };
  useEffect(reopen, [app.key]);
  return reopen;
}

/** Measures from the drop to the boxes' first frame; benchmarks/page_speed.py reads it. */
export function useMarks(answer) {
  useLayoutEffect(() => {
    if (answer === null || performance.getEntriesByName("patrol:dropped").length === 0) return;
    requestAnimationFrame(() => {
      performance.measure("patrol:drop-to-boxes", "patrol:dropped");
      performance.clearMarks("patrol:dropped");
    });
  }, [answer]);
}
