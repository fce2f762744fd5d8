/** What the console says, in Portuguese, and how it writes numbers and times. */

const whole = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 1 });
const digits = (places) =>
  new Intl.NumberFormat("pt-BR", { minimumFractionDigits: places, maximumFractionDigits: places });
const one = digits(1);
const two = digits(2);
const three = digits(3);
const four = digits(4);
const moment = new Intl.DateTimeFormat("pt-BR", { dateStyle: "short", timeStyle: "medium" });
const NONE = "–";

export const count = (value, single, many) => `${whole.format(value)} ${value === 1 ? single : many}`;
export const number = (value, format = tenth) => (value === null || value === undefined ? NONE : format.format(value));
export const tenths = (value) => number(value, one);
export const thousandths = (value) => number(value, three);
export const instant = (text) => (text ? moment.format(new Date(text)) : NONE);

/** Milliseconds: tenths below ten, whole above. */
export const ms = (value) => number(value, value !== null && value < 10 ? tenth : whole);

/** Seconds as `4,2 s` or `3 min 20 s`. */
export function duration(seconds) {
  if (seconds === null || Number.isNaN(seconds)) return NONE;
  if (seconds < 60) return `${tenth.format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${whole.format(Math.floor(seconds % 60))} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A sum in US dollars, which may be far below a cent. */
export const dollars = (sum) => `US$ ${number(sum, sum !== 0 && sum < 0.1 ? four : two)}`;

/** Place in a session as `1:07`. */
export function place(seconds) {
  if (seconds === null) return NONE;
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

const SUBJECTS = {
  DOR_FEBRE_INFLAMACAO: "Dor, febre e inflamação",
  RESPIRATORIO_GRIPE: "Gripe e respiração",
  ALERGIAS: "Alergias",
  GASTROINTESTINAL: "Estômago e intestino",
  PELE_DERMATO: "Pele",
  FERIDAS_CURATIVOS: "Feridas e curativos",
  OLHOS_OUVIDOS_NARIZ: "Olhos, ouvidos e nariz",
  BOCA_GARGANTA_ODONTO: "Boca, garganta e dentes",
  SAUDE_INTIMA_URINARIO: "Saúde íntima e urinária",
  SAUDE_FEMININA_MENSTRUACAO: "Saúde feminina",
  PEDIATRIA: "Bebês e crianças",
  CARDIO_PRESSAO: "Coração e pressão",
  ENDOCRINO_METABOLICO: "Diabetes e metabolismo",
  SUPLEMENTOS: "Suplementos",
  NEURO_PSIQUIATRIA_SONO: "Sono e ansiedade",
  HIGIENE_CUIDADOS_PESSOAIS_HPPC: "Higiene e cuidados pessoais",
};

/** What a basket is about, for the attendant. */
export const subject = (basket) => SUBJECTS[(basket ?? "").split("/")[0]] ?? "Sugestão";

const CLOSED = {
  1001: "O servidor está reiniciando.",
  1006: "A conexão com o servidor caiu.",
  1008: "O servidor recusou o que recebeu.",
  1009: "Um pedaço do áudio era grande demais para o servidor.",
  1011: "A sessão falhou no servidor. O que já foi ouvido está guardado.",
  1013: "O servidor não pode continuar a sessão agora.",
  4001: "Chave inválida. Confira a chave deste balcão com o administrador.",
  4002: "O servidor não aceita mais sessões agora.",
  4003: "Esta sessão foi assumida por outra conexão.",
  4008: "A conexão demorou demais para se identificar.",
  4009: "O áudio não foi reconhecido. Confira o microfone ou o arquivo.",
};
/** Codes whose close frame tells more than the code does. */
const DETAILED = new Set([1008, 1013, 4002]);

/** Why the server closed the connection. */
export function closed(code, reason) {
  const known = CLOSED[code] ?? `A conexão foi encerrada (código ${code}).`;
  return DETAILED.has(code) && reason ? `${known} Motivo: ${reason}.` : known;
}

const OUTCOMES = {
  recommended: ["Recomendou", "good"],
  "withheld:nothing_asked": ["Nada foi pedido", "calm"],
  "withheld:no_basket": ["Sem cesta para o assunto", "calm"],
  "withheld:all_named_already": ["Tudo já tinha sido citado", "calm"],
  "withheld:category_without_advice": ["Assunto sem sugestão", "calm"],
  "withheld:price_or_dosage": ["Preço, dose ou pagamento", "calm"],
  "withheld:prescription_only": ["Só com receita", "calm"],
  "withheld:suggested_lately": ["Já sugerido há pouco", "calm"],
  "withheld:refer_to_pharmacist": ["Encaminhar ao farmacêutico", "bad"],
  "withheld:transcription_failed": ["Falha ao transcrever", "bad"],
  "withheld:understanding_failed": ["Falha ao entender", "bad"],
  "withheld:client_left": ["Cliente já desconectado", "calm"],
  "rejected:empty": ["Sem palavras", "calm"],
  "rejected:no_words": ["Sem palavras", "calm"],
  "rejected:no_speech": ["Não era fala", "calm"],
  "rejected:low_confidence": ["Transcrição incerta", "calm"],
  "rejected:repetition": ["Transcrição repetitiva", "calm"],
  "rejected:prompt_echo": ["Eco do vocabulário", "calm"],
  "rejected:stock_phrase": ["Frase de legenda", "calm"],
  "rejected:impossible_pace": ["Ritmo impossível", "calm"],
  gathered: ["Juntada à frase seguinte", "calm"],
  "discarded:too_short": ["Curta demais", "calm"],
  "discarded:too_quiet": ["Baixa demais", "calm"],
  "discarded:failed": ["Falha no áudio", "bad"],
};

/** What came of a phrase: words and a tone. */
export function outcome(code) {
  if (!code) return ["Em andamento", "calm"];
  return OUTCOMES[code] ?? [code.startsWith("rejected:") ? "Transcrição descartada" : code, "calm"];
}

const ENDS = {
  client_finished: ["Encerrada", "good"],
  client_left: ["Cliente saiu", "calm"],
  server_stopping: ["Servidor parou", "calm"],
  audio_undecodable: ["Áudio não reconhecido", "bad"],
  journal_unavailable: ["Banco fora do ar", "bad"],
  failed: ["Falhou", "bad"],
};

/** All ways in which a session stands, each with its words, as a filter offers them. */
export const endings = () => [["open", "Aberta"], ...Object.entries(ENDS).map(([reason, [words]]) => [reason, words])];

/** How a session ended: words and a tone. */
export const ending = (reason) => (reason ? (ENDS[reason] ?? [reason, "calm"]) : ["Aberta", "live"]);
