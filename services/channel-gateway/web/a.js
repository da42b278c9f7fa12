// The web tag of Attune: <script src="https://HOST/a.js" data-site="SITE" async></script>
//
// What is collected, and whether anything is before a consent, is said by the site's settings, which are fetched first.
//   attune('event', name, properties)        something of your own
//   attune('identify', namespace, value)     who it is; namespaces that the site allows
//   attune('consent', true | false)          the visitor's word; remembered
(function (window, document) {
  var script = document.currentScript;
  var site = script.getAttribute('data-site');
  var base = script.src.replace(/a\.js.*$/, '');
  var early = (window.attune && window.attune.q) || [];
  var storage, settings, session, level = 0, sequence = 0, queue = [], held = [], identities = {}, waiting, pause = 1000;
  var page = { path: '', since: 0, shown: 0, depth: 0, errors: 0 };
  var field = null;
  var LEVELS = { off: 0, pages: 1, interactions: 2, forms: 3 };

  try { storage = window.localStorage; } catch (refused) { storage = null; }
  function kept(name, value) {
    // A full or forbidden storage loses the retry, never the page.
    try {
      if (value === undefined) return storage && storage.getItem('attune.' + name);
      if (storage) value === null ? storage.removeItem('attune.' + name) : storage.setItem('attune.' + name, value);
    } catch (refused) { /* as above */ }
    return null;
  }
  function id() {
    var bytes = window.crypto.getRandomValues(new Uint8Array(16)), text = '';
    for (var at = 0; at < 16; at++) text += (bytes[at] + 256).toString(16).slice(1);
    return text;
  }
  function cookie(name, value, seconds) {
    if (value === undefined) return (document.cookie.match('(?:^|; )' + name + '=([^;]*)') || [])[1];
    document.cookie = name + '=' + value + '; path=/; max-age=' + seconds + '; samesite=lax' +
      (location.protocol === 'https:' ? '; secure' : '');
  }
  function cut(text, most) { return String(text || '').replace(/\s+/g, ' ').trim().slice(0, most); }

  // A visitor who refuses is not recognised either: their cookies go.
  function allowed() {
    var word = kept('consent');
    if (word !== null) return word === 'true';
    return settings.consent === 'assumed' && !navigator.globalPrivacyControl;
  }
  function match() {
    var found = (settings.rules || []).filter(function (rule) {
      var path = rule.path || '*', open = path.slice(-1) === '*';
      return (!rule.protocol || rule.protocol + ':' === location.protocol) &&
        (open ? location.pathname.indexOf(path.slice(0, -1)) === 0 : location.pathname === path);
    })[0];
    level = LEVELS[(found || settings).level] || 0;
  }
  // Of an address the path, and of its query what the site names: the rest may say who somebody is.
  function query() {
    var said = {};
    location.search.slice(1).split('&').forEach(function (part) {
      var at = part.indexOf('='), name = part.slice(0, at);
      if (settings.query.indexOf(name) >= 0) {
        try { said[name] = cut(decodeURIComponent(part.slice(at + 1).replace(/\+/g, ' ')), 128); } catch (broken) { /* not said */ }
      }
    });
    return said;
  }

  function add(name, properties, least) {
    if (!settings) return held.length < 50 && held.push([name, properties, least]);
    if (level < least || !allowed()) return;
    var visitor = cookie('_attune') || id(), now = Date.now();
    session = cookie('_attune_session') || id();
    cookie('_attune', visitor, 34128000);
    cookie('_attune_session', session, settings.session_seconds);
    var known = [{ namespace: 'cookie', value: visitor }];
    for (var namespace in identities) known.push({ namespace: namespace, value: identities[namespace] });
    properties.page = page.path;
    queue.push({ event_id: id(), event: name, time: now, sequence: sequence++, channel: 'web', session_id: session,
      identifiers: known, properties: properties });
    if (queue.length >= 20) send(); else plan(2000);
  }
  function plan(after) { if (!waiting) waiting = setTimeout(send, after); }

  function send() {
    clearTimeout(waiting); waiting = null;
    if (!queue.length || !allowed()) return;
    var batch = queue.splice(0, 100);
    // Kept until the answer: whoever leaves meanwhile sends it again, and a repeat is harmless by its event_id.
    keep(batch);
    fetch(base + 'v1/collect?site=' + site, { method: 'POST', body: JSON.stringify({ events: batch }), keepalive: true, credentials: 'omit' })
      .then(function (answer) {
        if (answer.status >= 500 || answer.status === 429) throw answer;
        keep([]); pause = 1000;
        if (queue.length) plan(0);
      })
      .catch(function () {
        queue = batch.concat(queue).slice(-500); keep(queue);
        pause = Math.min(pause * 2, 60000);
        plan(pause * (0.5 + Math.random()));
      });
  }
  function keep(events) { kept('queue', events.length ? JSON.stringify(events) : null); }
  function leave() {
    if (!settings) return;
    if (field) blur();
    if (page.shown) add('page_leave', { milliseconds: Date.now() - page.shown, depth: page.depth }, 1);
    page.shown = 0;
    if (queue.length && allowed() &&
      navigator.sendBeacon(base + 'v1/collect?site=' + site, JSON.stringify({ events: queue.splice(0, 100) }))) keep(queue);
  }
  function view() {
    match();
    page = { path: location.pathname, since: Date.now(), shown: Date.now(), depth: 0, errors: 0 };
    var from = document.referrer.replace(/[?#].*$/, '');
    add('page_view', { title: cut(document.title, 128), referrer: cut(from, 256), query: query() }, 1);
  }

  function named(element) { return cut(element.name || element.id || element.type, 64); }
  function form(element) { return element.form ? cut(element.form.name || element.form.id, 64) : ''; }
  function is(element, kinds) { return element && element.closest && element.closest(kinds); }
  function blur() {
    var said = { form: form(field.element), field: named(field.element), milliseconds: Date.now() - field.since,
      filled: !!field.element.value };
    add('form_leave', said, 3);
    field = null;
  }
  function listen(name, work) {
    document.addEventListener(name, function (event) { try { work(event.target); } catch (ours) { /* never the page's trouble */ } }, true);
  }
  function start() {
    listen('click', function (target) {
      var hit = is(target, 'a,button,input[type=submit],[data-attune]');
      if (hit) add('click', { element: hit.tagName.toLowerCase(), name: cut(hit.getAttribute('data-attune') || hit.name || hit.id, 64),
        text: cut(hit.textContent, 64), target: cut((hit.getAttribute('href') || '').replace(/[?#].*$/, ''), 256) }, 2);
    });
    var fields = 'input:not([type=password]):not([type=hidden]),select,textarea';
    listen('focusin', function (target) {
      if (!is(target, fields)) return;
      field = { element: target, since: Date.now() };
      add('form_focus', { form: form(target), field: named(target) }, 3);
    });
    listen('change', function (target) {
      if (!is(target, fields)) return;
      var said = { form: form(target), field: named(target), filled: !!target.value };
      if (settings.values.indexOf(named(target)) >= 0) said.value = cut(target.value, 256);
      add('form_change', said, 3);
    });
    listen('focusout', function (target) { if (field && field.element === target) blur(); });
    listen('submit', function (target) { add('form_submit', { form: cut(target.name || target.id, 64) }, 3); });
    window.addEventListener('scroll', function () {
      var whole = document.documentElement.scrollHeight, seen = window.scrollY + window.innerHeight;
      var depth = Math.min(100, Math.floor(seen / whole * 4) * 25);
      if (depth > page.depth) { page.depth = depth; add('scroll', { depth: depth }, 2); }
    }, { passive: true });
    function failed(message, source, line) {
      if (page.errors++ < 10) add('script_error', { message: cut(message, 200), source: cut((source || '').replace(/[?#].*$/, ''), 256), line: line || 0 }, 2);
    }
    window.addEventListener('error', function (event) { failed(event.message, event.filename, event.lineno); });
    window.addEventListener('unhandledrejection', function (event) { failed(event.reason && event.reason.message || event.reason); });
    document.addEventListener('visibilitychange', function () {
      if (document.visibilityState === 'hidden') leave(); else page.shown = Date.now();
    });
    window.addEventListener('pagehide', leave);
    ['pushState', 'replaceState'].forEach(function (name) {
      var before = history[name];
      history[name] = function () {
        var answer = before.apply(history, arguments);
        if (location.pathname !== page.path) { leave(); view(); }
        return answer;
      };
    });
    window.addEventListener('popstate', function () { if (location.pathname !== page.path) { leave(); view(); } });
  }

  function attune(verb, one, two) {
    if (verb === 'event') add(cut(one, 128), Object.assign({}, two), 1);
    if (verb === 'identify') identities[one] = String(two);
    if (verb === 'consent') {
      kept('consent', String(!!one));
      if (one && settings) view();
      if (!one) { queue = []; keep(queue); cookie('_attune', '', 0); cookie('_attune_session', '', 0); }
    }
  }
  window.attune = attune;
  early.forEach(function (call) { attune.apply(null, call); });
  fetch(base + 'v1/sites/' + site, { credentials: 'omit' }).then(function (answer) { return answer.ok ? answer.json() : null; }).then(function (found) {
    if (!found) return;
    settings = found;
    try { queue = JSON.parse(kept('queue')) || []; } catch (broken) { queue = []; }
    view();
    held.forEach(function (one) { add(one[0], one[1], one[2]); });
    held = [];
    start();
    if (queue.length) plan(500);
  }).catch(function () { /* without settings nothing is collected */ });
})(window, document);
