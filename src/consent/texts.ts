import type { Channel } from '../providers/index.ts';
import type { FrequencyName } from '../rules/index.ts';

/** The words of the pages in one language. `{category}` and `{channel}` are filled in. */
export interface Texts {
  title: string;
  intro: string;
  save: string;
  saved: string;
  unchanged: string;
  undo: string;
  undone: string;
  everythingTitle: string;
  everythingHint: string;
  everything: string;
  everythingDone: string;
  alwaysTitle: string;
  alwaysHint: string;
  unreachable: string;
  unconfirmed: string;
  nothing: string;
  unsubscribeTitle: string;
  unsubscribeAsk: string;
  unsubscribe: string;
  unsubscribed: string;
  optInTitle: string;
  optInAsk: string;
  optIn: string;
  optedIn: string;
  allSettings: string;
  test: string;
  notFoundTitle: string;
  notFound: string;
  goneTitle: string;
  gone: string;
  badTitle: string;
  bad: string;
  busyTitle: string;
  busy: string;
  failedTitle: string;
  failed: string;
  howOften: string;
  /** `usual`: what the tenant says of it. */
  frequencies: Record<FrequencyName | 'usual', string>;
  channels: Record<Channel, string>;
  /** Names of the categories that are built in, for tenants that gave them none. */
  categories: Record<'transactional' | 'security' | 'otp' | 'marketing', string>;
}

const en: Texts = {
  title: 'Notification settings',
  intro: 'Choose what you would like to receive, and how.',
  save: 'Save',
  saved: 'Your choices are saved.',
  unchanged: 'Nothing was changed.',
  undo: 'Undo',
  undone: 'Your earlier choices are back.',
  everythingTitle: 'Too much?',
  everythingHint: 'This turns off everything above, and whatever is added later.',
  everything: 'Unsubscribe from everything',
  everythingDone: 'You are unsubscribed from everything that can be turned off.',
  alwaysTitle: 'Always sent',
  alwaysHint: 'These belong to your account or its security and cannot be turned off.',
  unreachable: 'Messages to this address came back or were refused, so none are sent there.',
  unconfirmed: 'Needs your confirmation: please sign up for it in the app or on the website.',
  nothing: 'There is nothing to choose here yet.',
  unsubscribeTitle: 'Unsubscribe',
  unsubscribeAsk: 'Do you no longer want “{category}” ({channel})?',
  unsubscribe: 'Unsubscribe',
  unsubscribed: 'You are unsubscribed from “{category}” ({channel}).',
  optInTitle: 'Please confirm',
  optInAsk: 'Do you want to receive “{category}” ({channel})?',
  optIn: 'Yes, I do',
  optedIn: 'Thank you. You will receive “{category}” ({channel}).',
  allSettings: 'All notification settings',
  test: 'This link was made with a test key. It changes real settings.',
  notFoundTitle: 'This link does not work',
  notFound: 'It may be incomplete or out of date. Please use the link in a newer message.',
  goneTitle: 'This link is no longer needed',
  gone: 'What it was about does not exist any more. There is nothing left to do.',
  badTitle: 'That did not work',
  bad: 'The form did not arrive as a whole. Please go back and try again.',
  busyTitle: 'Too many attempts',
  busy: 'Please wait a moment and try again.',
  failedTitle: 'Something went wrong',
  failed: 'Nothing was changed. Please try again in a few minutes.',
  howOften: 'How often',
  frequencies: {
    usual: 'As usual',
    every: 'Every time',
    hourly: 'Once an hour',
    daily: 'Once a day',
    weekly: 'Once a week',
  },
  channels: {
    push: 'Push notifications',
    email: 'E-mail',
    sms: 'Text messages',
    chat: 'Chat',
    inbox: 'In the app',
    webhook: 'Webhook',
  },
  categories: {
    transactional: 'Your orders and account',
    security: 'Security of your account',
    otp: 'Sign-in codes',
    marketing: 'News and offers',
  },
};

const de: Texts = {
  title: 'Benachrichtigungen',
  intro: 'Wählen Sie, was Sie erhalten möchten und auf welchem Weg.',
  save: 'Speichern',
  saved: 'Ihre Auswahl ist gespeichert.',
  unchanged: 'Es wurde nichts geändert.',
  undo: 'Rückgängig machen',
  undone: 'Ihre frühere Auswahl gilt wieder.',
  everythingTitle: 'Zu viel?',
  everythingHint: 'Damit wird alles oben Genannte abgeschaltet, auch was später hinzukommt.',
  everything: 'Alles abbestellen',
  everythingDone: 'Sie haben alles abbestellt, was sich abschalten lässt.',
  alwaysTitle: 'Immer zugestellt',
  alwaysHint:
    'Diese Nachrichten gehören zu Ihrem Konto oder dessen Sicherheit und lassen sich nicht abschalten.',
  unreachable:
    'Nachrichten an diese Adresse kamen zurück oder wurden abgelehnt; wir senden keine mehr dorthin.',
  unconfirmed: 'Braucht Ihre Bestätigung: Bitte melden Sie sich in der App oder auf der Website dafür an.',
  nothing: 'Hier gibt es noch nichts auszuwählen.',
  unsubscribeTitle: 'Abbestellen',
  unsubscribeAsk: 'Möchten Sie „{category}“ ({channel}) nicht mehr erhalten?',
  unsubscribe: 'Abbestellen',
  unsubscribed: 'Sie haben „{category}“ ({channel}) abbestellt.',
  optInTitle: 'Bitte bestätigen',
  optInAsk: 'Möchten Sie „{category}“ ({channel}) erhalten?',
  optIn: 'Ja, gern',
  optedIn: 'Danke. Sie erhalten ab jetzt „{category}“ ({channel}).',
  allSettings: 'Alle Einstellungen',
  test: 'Dieser Link stammt von einem Testschlüssel. Er ändert echte Einstellungen.',
  notFoundTitle: 'Dieser Link funktioniert nicht',
  notFound:
    'Vielleicht ist er unvollständig oder veraltet. Bitte nehmen Sie den Link aus einer neueren Nachricht.',
  goneTitle: 'Dieser Link wird nicht mehr gebraucht',
  gone: 'Worum es ging, gibt es nicht mehr. Sie müssen nichts weiter tun.',
  badTitle: 'Das hat nicht geklappt',
  bad: 'Das Formular kam nicht vollständig an. Bitte gehen Sie zurück und versuchen Sie es noch einmal.',
  busyTitle: 'Zu viele Versuche',
  busy: 'Bitte warten Sie einen Augenblick und versuchen Sie es noch einmal.',
  failedTitle: 'Etwas ist schiefgegangen',
  failed: 'Es wurde nichts geändert. Bitte versuchen Sie es in ein paar Minuten noch einmal.',
  howOften: 'Wie oft',
  frequencies: {
    usual: 'Wie üblich',
    every: 'Jedes Mal',
    hourly: 'Einmal pro Stunde',
    daily: 'Einmal am Tag',
    weekly: 'Einmal pro Woche',
  },
  channels: {
    push: 'Push-Nachrichten',
    email: 'E-Mail',
    sms: 'SMS',
    chat: 'Chat',
    inbox: 'In der App',
    webhook: 'Webhook',
  },
  categories: {
    transactional: 'Ihre Bestellungen und Ihr Konto',
    security: 'Sicherheit Ihres Kontos',
    otp: 'Anmeldecodes',
    marketing: 'Neuigkeiten und Angebote',
  },
};

const fr: Texts = {
  title: 'Préférences de notification',
  intro: 'Choisissez ce que vous souhaitez recevoir, et comment.',
  save: 'Enregistrer',
  saved: 'Vos choix sont enregistrés.',
  unchanged: 'Rien n’a été modifié.',
  undo: 'Annuler',
  undone: 'Vos choix précédents sont rétablis.',
  everythingTitle: 'C’est trop ?',
  everythingHint: 'Désactive tout ce qui précède, ainsi que ce qui sera ajouté plus tard.',
  everything: 'Se désabonner de tout',
  everythingDone: 'Vous êtes désabonné de tout ce qui peut être désactivé.',
  alwaysTitle: 'Toujours envoyés',
  alwaysHint: 'Ces messages concernent votre compte ou sa sécurité et ne peuvent pas être désactivés.',
  unreachable: 'Des messages à cette adresse ont été renvoyés ou refusés ; nous n’y écrivons plus.',
  unconfirmed: 'Nécessite votre confirmation : inscrivez-vous dans l’application ou sur le site.',
  nothing: 'Il n’y a encore rien à choisir ici.',
  unsubscribeTitle: 'Désabonnement',
  unsubscribeAsk: 'Ne plus recevoir « {category} » ({channel}) ?',
  unsubscribe: 'Se désabonner',
  unsubscribed: 'Vous êtes désabonné de « {category} » ({channel}).',
  optInTitle: 'Veuillez confirmer',
  optInAsk: 'Souhaitez-vous recevoir « {category} » ({channel}) ?',
  optIn: 'Oui, je le souhaite',
  optedIn: 'Merci. Vous recevrez « {category} » ({channel}).',
  allSettings: 'Toutes les préférences',
  test: 'Ce lien provient d’une clé de test. Il modifie de vraies préférences.',
  notFoundTitle: 'Ce lien ne fonctionne pas',
  notFound: 'Il est peut-être incomplet ou périmé. Utilisez le lien d’un message plus récent.',
  goneTitle: 'Ce lien n’est plus utile',
  gone: 'Ce qu’il concernait n’existe plus. Vous n’avez rien à faire.',
  badTitle: 'Cela n’a pas fonctionné',
  bad: 'Le formulaire est arrivé incomplet. Revenez en arrière et réessayez.',
  busyTitle: 'Trop de tentatives',
  busy: 'Patientez un instant, puis réessayez.',
  failedTitle: 'Une erreur est survenue',
  failed: 'Rien n’a été modifié. Réessayez dans quelques minutes.',
  howOften: 'À quelle fréquence',
  frequencies: {
    usual: 'Comme d’habitude',
    every: 'À chaque fois',
    hourly: 'Une fois par heure',
    daily: 'Une fois par jour',
    weekly: 'Une fois par semaine',
  },
  channels: {
    push: 'Notifications push',
    email: 'E-mail',
    sms: 'SMS',
    chat: 'Messagerie',
    inbox: 'Dans l’application',
    webhook: 'Webhook',
  },
  categories: {
    transactional: 'Vos commandes et votre compte',
    security: 'Sécurité de votre compte',
    otp: 'Codes de connexion',
    marketing: 'Actualités et offres',
  },
};

const es: Texts = {
  title: 'Preferencias de notificaciones',
  intro: 'Elige qué quieres recibir y cómo.',
  save: 'Guardar',
  saved: 'Tus preferencias se han guardado.',
  unchanged: 'No se ha cambiado nada.',
  undo: 'Deshacer',
  undone: 'Tus preferencias anteriores vuelven a valer.',
  everythingTitle: '¿Demasiado?',
  everythingHint: 'Desactiva todo lo anterior y lo que se añada más adelante.',
  everything: 'Darse de baja de todo',
  everythingDone: 'Te has dado de baja de todo lo que se puede desactivar.',
  alwaysTitle: 'Se envían siempre',
  alwaysHint: 'Son parte de tu cuenta o de su seguridad y no se pueden desactivar.',
  unreachable: 'Los mensajes a esta dirección fueron devueltos o rechazados, así que ya no enviamos ninguno.',
  unconfirmed: 'Requiere tu confirmación: suscríbete en la aplicación o en el sitio web.',
  nothing: 'Aquí todavía no hay nada que elegir.',
  unsubscribeTitle: 'Darse de baja',
  unsubscribeAsk: '¿Ya no quieres recibir «{category}» ({channel})?',
  unsubscribe: 'Darme de baja',
  unsubscribed: 'Te has dado de baja de «{category}» ({channel}).',
  optInTitle: 'Confirma, por favor',
  optInAsk: '¿Quieres recibir «{category}» ({channel})?',
  optIn: 'Sí, quiero',
  optedIn: 'Gracias. Recibirás «{category}» ({channel}).',
  allSettings: 'Todas las preferencias',
  test: 'Este enlace se creó con una clave de prueba. Cambia preferencias reales.',
  notFoundTitle: 'Este enlace no funciona',
  notFound: 'Puede estar incompleto o anticuado. Usa el enlace de un mensaje más reciente.',
  goneTitle: 'Este enlace ya no hace falta',
  gone: 'Aquello a lo que se refería ya no existe. No tienes que hacer nada más.',
  badTitle: 'No ha funcionado',
  bad: 'El formulario no llegó completo. Vuelve atrás e inténtalo de nuevo.',
  busyTitle: 'Demasiados intentos',
  busy: 'Espera un momento e inténtalo de nuevo.',
  failedTitle: 'Algo ha ido mal',
  failed: 'No se ha cambiado nada. Inténtalo de nuevo en unos minutos.',
  howOften: 'Con qué frecuencia',
  frequencies: {
    usual: 'Como de costumbre',
    every: 'Cada vez',
    hourly: 'Una vez por hora',
    daily: 'Una vez al día',
    weekly: 'Una vez por semana',
  },
  channels: {
    push: 'Notificaciones push',
    email: 'Correo electrónico',
    sms: 'SMS',
    chat: 'Chat',
    inbox: 'En la aplicación',
    webhook: 'Webhook',
  },
  categories: {
    transactional: 'Tus pedidos y tu cuenta',
    security: 'Seguridad de tu cuenta',
    otp: 'Códigos de acceso',
    marketing: 'Novedades y ofertas',
  },
};

const pt: Texts = {
  title: 'Preferências de notificação',
  intro: 'Escolha o que deseja receber e como.',
  save: 'Salvar',
  saved: 'Suas escolhas foram salvas.',
  unchanged: 'Nada foi alterado.',
  undo: 'Desfazer',
  undone: 'Suas escolhas anteriores voltaram a valer.',
  everythingTitle: 'Demais?',
  everythingHint: 'Desativa tudo acima e o que for acrescentado depois.',
  everything: 'Cancelar tudo',
  everythingDone: 'Você cancelou tudo o que pode ser desativado.',
  alwaysTitle: 'Sempre enviadas',
  alwaysHint: 'Fazem parte da sua conta ou da segurança dela e não podem ser desativadas.',
  unreachable: 'As mensagens para este endereço voltaram ou foram recusadas; não enviamos mais nenhuma.',
  unconfirmed: 'Requer sua confirmação: inscreva-se no aplicativo ou no site.',
  nothing: 'Ainda não há nada para escolher aqui.',
  unsubscribeTitle: 'Cancelar inscrição',
  unsubscribeAsk: 'Não quer mais receber “{category}” ({channel})?',
  unsubscribe: 'Cancelar inscrição',
  unsubscribed: 'Você cancelou “{category}” ({channel}).',
  optInTitle: 'Confirme, por favor',
  optInAsk: 'Deseja receber “{category}” ({channel})?',
  optIn: 'Sim, desejo',
  optedIn: 'Obrigado. Você receberá “{category}” ({channel}).',
  allSettings: 'Todas as preferências',
  test: 'Este link foi criado com uma chave de teste. Ele altera preferências reais.',
  notFoundTitle: 'Este link não funciona',
  notFound: 'Pode estar incompleto ou desatualizado. Use o link de uma mensagem mais recente.',
  goneTitle: 'Este link não é mais necessário',
  gone: 'Aquilo a que se referia não existe mais. Não é preciso fazer nada.',
  badTitle: 'Não deu certo',
  bad: 'O formulário não chegou inteiro. Volte e tente de novo.',
  busyTitle: 'Tentativas demais',
  busy: 'Espere um momento e tente de novo.',
  failedTitle: 'Algo deu errado',
  failed: 'Nada foi alterado. Tente de novo em alguns minutos.',
  howOften: 'Com que frequência',
  frequencies: {
    usual: 'Como de costume',
    every: 'Toda vez',
    hourly: 'Uma vez por hora',
    daily: 'Uma vez por dia',
    weekly: 'Uma vez por semana',
  },
  channels: {
    push: 'Notificações push',
    email: 'E-mail',
    sms: 'SMS',
    chat: 'Chat',
    inbox: 'No aplicativo',
    webhook: 'Webhook',
  },
  categories: {
    transactional: 'Seus pedidos e sua conta',
    security: 'Segurança da sua conta',
    otp: 'Códigos de acesso',
    marketing: 'Novidades e ofertas',
  },
};

const zh: Texts = {
  title: '通知设置',
  intro: '请选择您想接收的内容和方式。',
  save: '保存',
  saved: '您的选择已保存。',
  unchanged: '没有任何更改。',
  undo: '撤销',
  undone: '已恢复您之前的选择。',
  everythingTitle: '消息太多？',
  everythingHint: '关闭以上全部内容，以及今后新增的内容。',
  everything: '全部退订',
  everythingDone: '您已退订所有可以关闭的内容。',
  alwaysTitle: '始终发送',
  alwaysHint: '这些消息与您的账户或其安全有关，无法关闭。',
  unreachable: '发往此地址的消息被退回或拒收，因此不再发送。',
  unconfirmed: '需要您确认：请在应用或网站上订阅。',
  nothing: '这里暂时没有可选内容。',
  unsubscribeTitle: '退订',
  unsubscribeAsk: '不想再接收“{category}”（{channel}）吗？',
  unsubscribe: '退订',
  unsubscribed: '您已退订“{category}”（{channel}）。',
  optInTitle: '请确认',
  optInAsk: '您想接收“{category}”（{channel}）吗？',
  optIn: '是的，我想接收',
  optedIn: '谢谢。您将会收到“{category}”（{channel}）。',
  allSettings: '全部通知设置',
  test: '此链接由测试密钥生成，但会更改真实设置。',
  notFoundTitle: '此链接无效',
  notFound: '链接可能不完整或已过期。请使用较新消息中的链接。',
  goneTitle: '此链接已不再需要',
  gone: '它所涉及的内容已不存在，您无需再做任何操作。',
  badTitle: '操作未成功',
  bad: '表单未完整送达。请返回重试。',
  busyTitle: '尝试次数过多',
  busy: '请稍候再试。',
  failedTitle: '出现问题',
  failed: '没有任何更改。请过几分钟再试。',
  howOften: '接收频率',
  frequencies: {
    usual: '默认',
    every: '每次',
    hourly: '每小时一次',
    daily: '每天一次',
    weekly: '每周一次',
  },
  channels: {
    push: '推送通知',
    email: '电子邮件',
    sms: '短信',
    chat: '聊天',
    inbox: '应用内',
    webhook: 'Webhook',
  },
  categories: {
    transactional: '您的订单和账户',
    security: '账户安全',
    otp: '登录验证码',
    marketing: '资讯和优惠',
  },
};

const ja: Texts = {
  title: '通知の設定',
  intro: '受け取りたい内容と方法をお選びください。',
  save: '保存する',
  saved: '設定を保存しました。',
  unchanged: '変更はありません。',
  undo: '元に戻す',
  undone: '以前の設定に戻しました。',
  everythingTitle: '多すぎますか？',
  everythingHint: '上のすべてと、今後追加されるものを停止します。',
  everything: 'すべて配信停止する',
  everythingDone: '停止できるものはすべて配信停止しました。',
  alwaysTitle: '常に送信されるもの',
  alwaysHint: 'アカウントやその安全に関わるため、停止できません。',
  unreachable: 'この宛先へのメッセージが戻ってきた、または拒否されたため、送信していません。',
  unconfirmed: '確認が必要です。アプリまたはウェブサイトからご登録ください。',
  nothing: '選べる項目はまだありません。',
  unsubscribeTitle: '配信停止',
  unsubscribeAsk: '「{category}」（{channel}）の配信を停止しますか？',
  unsubscribe: '配信停止する',
  unsubscribed: '「{category}」（{channel}）の配信を停止しました。',
  optInTitle: 'ご確認ください',
  optInAsk: '「{category}」（{channel}）を受け取りますか？',
  optIn: 'はい、受け取ります',
  optedIn: 'ありがとうございます。「{category}」（{channel}）をお届けします。',
  allSettings: 'すべての通知設定',
  test: 'このリンクはテスト用のキーで作られていますが、実際の設定を変更します。',
  notFoundTitle: 'このリンクは使えません',
  notFound: '途中で切れているか、古い可能性があります。新しいメッセージのリンクをお使いください。',
  goneTitle: 'このリンクはもう必要ありません',
  gone: '対象のものはすでに存在しません。操作は不要です。',
  badTitle: 'うまくいきませんでした',
  bad: 'フォームが完全に届きませんでした。戻ってもう一度お試しください。',
  busyTitle: '試行回数が多すぎます',
  busy: '少し待ってからもう一度お試しください。',
  failedTitle: '問題が発生しました',
  failed: '何も変更されていません。数分後にもう一度お試しください。',
  howOften: '受け取る頻度',
  frequencies: {
    usual: '標準',
    every: 'そのつど',
    hourly: '1時間に1回',
    daily: '1日に1回',
    weekly: '1週間に1回',
  },
  channels: {
    push: 'プッシュ通知',
    email: 'メール',
    sms: 'SMS',
    chat: 'チャット',
    inbox: 'アプリ内',
    webhook: 'Webhook',
  },
  categories: {
    transactional: 'ご注文とアカウント',
    security: 'アカウントの安全',
    otp: 'ログイン用コード',
    marketing: 'お知らせと特典',
  },
};

/** By the tag that pages are marked with. */
export const TEXTS: Record<string, Texts> = { en, de, fr, es, pt, 'zh-CN': zh, ja };
