export async function getJson(path) {
  const response = await fetch(`./api/${path}`);
  if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
  return response.json();
}

export function clearMessages() {
  return fetch('./api/messages', { method: 'DELETE' });
}

/** The reason when the settings were refused, else null. */
export async function putFaults(settings) {
  const response = await fetch('./api/faults', { method: 'PUT', body: JSON.stringify(settings) });
  return response.ok ? null : (await response.json()).detail;
}

/** Live events; the browser reconnects by itself and says what it saw last. */
export function openStream({ onMessages, onCleared, onFaults, onState }) {
  const stream = new EventSource('./api/stream');
  stream.addEventListener('messages', ({ data }) => onMessages(JSON.parse(data)));
  stream.addEventListener('cleared', () => onCleared());
  stream.addEventListener('faults', ({ data }) => onFaults(JSON.parse(data)));
  stream.addEventListener('open', () => onState('live'));
  stream.addEventListener('error', () => {
    onState('lost');
    // After a refusal (503) the browser gives up; a page that is left open should not.
    if (stream.readyState === EventSource.CLOSED) {
      setTimeout(() => openStream({ onMessages, onCleared, onFaults, onState }), 5_000);
    }
  });
}
