// A service worker that shows what Bellhop sends over Web Push. Serve it from the root of your site, so that its scope
// is the whole site. The payload is JSON:
//   { title, body, icon, image, url, badge, tag, actions: [{ id, title, url? }], data }
// Absent fields are left out. A silent push carries `data` only.

self.addEventListener('push', (event) => {
  const message = event.data?.json() ?? {};
  // Browsers insist that every push shows something; a site that does not may lose its permission.
  const { title = 'You have news', body, icon, image, url, tag, actions = [], data } = message;
  event.waitUntil(
    Promise.all([
      self.registration.showNotification(title, {
        body,
        icon,
        image,
        // The same tag replaces: a message that was sent again takes the place of the first.
        tag,
        actions: actions.map(({ id, title }) => ({ action: id, title })),
        data: { url, actions, data },
      }),
      // The count on the icon of an installed web app, where the browser has one.
      message.badge === undefined ? undefined : self.navigator.setAppBadge?.(message.badge),
    ]),
  );
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { url, actions = [] } = event.notification.data ?? {};
  const clicked = actions.find(({ id }) => id === event.action);
  const target = clicked?.url ?? url;
  if (target) event.waitUntil(self.clients.openWindow(target));
});
