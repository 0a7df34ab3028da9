/* Words, sentences, titles and names of plaza. A text is a function of its seed, category and
 * language; nothing is stored. */
#include "sim/plaza_parts.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct words {
    const char *const *list;
    size_t n;
};
#define WORDS(a) ((struct words){(a), COUNT(a)})

static const char *const categories[PLAZA_CATEGORIES] = {"art",    "music",   "games",   "travel",
                                                         "food",   "fashion", "science", "sport",
                                                         "nature", "books",   "craft",   "history"};

enum { TOPIC_WORDS = 14 };
static const char *const topics[PLAZA_CATEGORIES][TOPIC_WORDS] = {
    {"canvas", "brush", "portrait", "mural", "sketch", "gallery", "pigment", "sculpture", "easel",
     "charcoal", "frame", "studio", "palette", "poster"},
    {"melody", "drum", "guitar", "choir", "rhythm", "chord", "album", "violin", "concert", "bass",
     "lyric", "piano", "chorus", "trumpet"},
    {"quest", "puzzle", "level", "dice", "arena", "guild", "castle", "dragon", "board", "score",
     "player", "dungeon", "card", "tournament"},
    {"harbour", "train", "island", "passport", "hostel", "trail", "desert", "ferry", "border",
     "map", "village", "bridge", "airport", "market"},
    {"noodle", "bread", "spice", "kitchen", "soup", "oven", "recipe", "pepper", "cheese", "garden",
     "tea", "dumpling", "rice", "knife"},
    {"jacket", "fabric", "sleeve", "collar", "boots", "scarf", "pattern", "button", "denim", "silk",
     "tailor", "hat", "lining", "wardrobe"},
    {"planet", "signal", "molecule", "theory", "sensor", "orbit", "cell", "magnet", "telescope",
     "enzyme", "proof", "current", "crystal", "model"},
    {"goal", "racket", "coach", "marathon", "stadium", "pass", "league", "serve", "sprint",
     "training", "referee", "keeper", "bicycle", "medal"},
    {"river", "forest", "heron", "meadow", "storm", "moss", "glacier", "fox", "pine", "tide",
     "orchard", "beetle", "valley", "seed"},
    {"chapter", "novel", "poem", "author", "library", "margin", "essay", "diary", "editor",
     "translation", "fable", "sentence", "reader", "shelf"},
    {"clay", "needle", "timber", "kiln", "yarn", "chisel", "basket", "lantern", "leather", "glue",
     "paper", "hinge", "bead", "workshop"},
    {"empire", "archive", "treaty", "ruin", "scroll", "caravan", "throne", "siege", "temple",
     "letter", "coin", "dynasty", "fortress", "museum"}};

static const char *const nouns[] = {
    "morning", "evening",  "window",   "street",   "friend",  "neighbour", "corner",  "winter",
    "summer",  "answer",   "question", "story",    "mistake", "habit",     "weekend", "minute",
    "year",    "idea",     "reason",   "place",    "crowd",   "voice",     "light",   "shadow",
    "colour",  "weather",  "hand",     "stone",    "table",   "door",      "road",    "city",
    "family",  "child",    "teacher",  "stranger", "secret",  "promise",   "trouble", "surprise",
    "lesson",  "picture",  "sound",    "silence",  "memory",  "method",    "detail",  "price",
    "machine", "festival", "journey",  "season",   "moment",  "world",     "plan",    "word"};
static const char *const adjectives[] = {
    "quiet",  "bright",   "small",   "patient", "strange", "gentle",  "honest",  "heavy",
    "narrow", "golden",   "broken",  "simple",  "early",   "distant", "curious", "rough",
    "warm",   "hidden",   "careful", "famous",  "lonely",  "sudden",  "clever",  "modest",
    "fresh",  "ancient",  "hollow",  "steady",  "bitter",  "sweet",   "wooden",  "open",
    "plain",  "restless", "silver",  "tiny",    "loud",    "busy",    "slow",    "proud",
    "cheap",  "borrowed", "crooked", "familiar"};
static const char *const verbs[] = {
    "carries",  "follows", "repairs", "finds",    "remembers", "paints",  "measures", "forgets",
    "opens",    "shares",  "answers", "gathers",  "crosses",   "watches", "keeps",    "changes",
    "leaves",   "holds",   "teaches", "collects", "describes", "borrows", "explains", "explores",
    "protects", "trades",  "visits",  "welcomes", "questions", "admires", "compares", "improves",
    "returns",  "studies", "builds",  "hides",    "chooses",   "ignores", "prepares", "wins"};
static const char *const adverbs[] = {
    "slowly", "often",  "again",     "quietly", "together",  "almost", "rarely", "gladly", "twice",
    "still",  "always", "sometimes", "later",   "carefully", "nearly", "soon",   "badly",  "alone"};
static const char *const prepositions[] = {"behind", "under",  "near",   "across", "without",
                                           "before", "after",  "beside", "inside", "along",
                                           "around", "beyond", "with",   "for",    "from"};
static const char *const determiners[] = {"the", "one",     "every", "this",
                                          "our", "another", "no",    "that"};
static const char *const joins[] = {"and", "but", "because", "while", "so", "although", "until"};

/* d determiner, a adjective, n noun, t noun of the category, v verb, r adverb, p preposition,
 * c conjunction, ',' a comma; other letters stand for themselves. */
static const char *const patterns[] = {"datvdn",  "dtvdanpdn",  "dnvdtpdat", "datpdnvdan",
                                       "rdtvdn",  "pdan,dtvdn", "dnrvdat",   "dtvdn,cdnvdat",
                                       "danvpdt", "dtrvdncdnv", "pdt,danv",  "dnvdt,crdav"};

static const char *const zh_topics[PLAZA_CATEGORIES][6] = {
    {"画布", "雕塑", "素描", "颜料", "画廊", "肖像"},
    {"旋律", "吉他", "合唱", "鼓点", "专辑", "琴声"},
    {"关卡", "骰子", "公会", "城堡", "玩家", "谜题"},
    {"港口", "列车", "海岛", "护照", "古镇", "小径"},
    {"面条", "香料", "厨房", "汤锅", "食谱", "饺子"},
    {"外套", "布料", "围巾", "裁缝", "纽扣", "丝绸"},
    {"行星", "信号", "分子", "轨道", "晶体", "理论"},
    {"球门", "教练", "赛场", "奖牌", "训练", "冲刺"},
    {"河流", "森林", "草地", "冰川", "松树", "潮水"},
    {"章节", "小说", "诗歌", "图书馆", "译本", "读者"},
    {"陶土", "木料", "灯笼", "针线", "皮革", "竹篮"},
    {"帝国", "档案", "条约", "遗址", "古卷", "王朝"}};
static const char *const zh_nouns[] = {
    "早晨", "黄昏", "窗户", "街道", "朋友", "邻居", "冬天", "夏天", "答案", "问题", "故事", "习惯",
    "理由", "地方", "人群", "声音", "灯光", "影子", "颜色", "天气", "石头", "桌子", "道路", "城市",
    "孩子", "老师", "秘密", "承诺", "记忆", "方法", "细节", "价格", "机器", "节日", "旅程", "时刻"};
static const char *const zh_adjectives[] = {"安静", "明亮", "耐心", "奇怪", "温柔", "诚实", "沉重",
                                            "狭窄", "简单", "遥远", "好奇", "温暖", "隐秘", "细心",
                                            "著名", "孤独", "突然", "聪明", "新鲜", "古老", "忙碌"};
static const char *const zh_verbs[] = {
    "带走", "追随", "修好", "找到", "记得", "描绘", "测量", "忘记", "打开", "分享", "收集", "穿过",
    "看着", "留下", "改变", "教会", "说明", "探索", "保护", "欢迎", "欣赏", "比较", "学习", "选择"};
static const char *const zh_adverbs[] = {"慢慢", "常常", "再次", "悄悄", "一起", "几乎",
                                         "很少", "总是", "有时", "后来", "仔细", "独自"};
static const char *const zh_joins[] = {"而且", "但是", "因为", "所以", "虽然", "直到"};
/* D 的 after an adjective, and otherwise as above.                                              */
static const char *const zh_patterns[] = {"aDtvn",     "nvaDt",     "tvn,cnva D t", "rvt,naDv",
                                          "naDtvn",    "ctvaDn,nv", "nrvtDn",       "aDnvtDn,cnrv",
                                          "tDnvaDnDt", "n,t,nrv"};

const char *plaza_category(uint32_t category)
{
    return categories[category];
}

/* ── words one after another ── */

struct writing {
    struct prng words, edits;
    uint32_t category;
    bool chinese;
    uint32_t word;                       /* how many so far                   */
    uint32_t change[8], changes, nudged; /* places whose word is another one */
};

static struct words words_of(const struct writing *w, char class)
{
    if (w->chinese)
        switch (class) {
        case 't':
            return WORDS(zh_topics[w->category]);
        case 'a':
            return WORDS(zh_adjectives);
        case 'v':
            return WORDS(zh_verbs);
        case 'r':
            return WORDS(zh_adverbs);
        case 'c':
            return WORDS(zh_joins);
        default:
            return WORDS(zh_nouns);
        }
    switch (class) {
    case 't':
        return WORDS(topics[w->category]);
    case 'a':
        return WORDS(adjectives);
    case 'v':
        return WORDS(verbs);
    case 'r':
        return WORDS(adverbs);
    case 'p':
        return WORDS(prepositions);
    case 'd':
        return WORDS(determiners);
    case 'c':
        return WORDS(joins);
    default:
        return WORDS(nouns);
    }
}

static const char *next_word(struct writing *w, char class)
{
    struct words list = words_of(w, class);
    uint64_t at = prng_below(&w->words, list.n);
    for (uint32_t i = 0; i < w->changes; i++)
        if (w->change[i] == w->word)
            at = (at + 1 + prng_below(&w->edits, list.n - 1)) % list.n;
    w->word++;
    return list.list[at];
}

static void put_word(struct strbuf *b, const struct writing *w, const char *word, bool first)
{
    if (!w->chinese && !first)
        strbuf_putc(b, ' ');
    size_t at = b->n;
    strbuf_puts(b, word);
    if (!w->chinese && first && b->n > at && b->p[at] >= 'a' && b->p[at] <= 'z')
        b->p[at] = (char)(b->p[at] - 'a' + 'A');
}

static void put_sentence(struct strbuf *b, struct writing *w)
{
    const char *p = w->chinese ? zh_patterns[prng_below(&w->words, COUNT(zh_patterns))]
                               : patterns[prng_below(&w->words, COUNT(patterns))];
    for (bool first = true; *p; p++) {
        if (*p == ' ')
            continue;
        if (*p == ',') {
            strbuf_puts(b, w->chinese ? "，" : ",");
            continue;
        }
        if (*p == 'D')
            strbuf_puts(b, "的");
        else
            put_word(b, w, next_word(w, *p), first);
        first = false;
    }
    strbuf_puts(b, w->chinese ? "。" : ".");
}

static struct writing begin(uint64_t seed, uint32_t category, bool chinese)
{
    struct writing w = {.category = category, .chinese = chinese};
    prng_seed(&w.words, seed);
    return w;
}

void plaza_body(struct strbuf *b, const struct plaza_content *c)
{
    struct writing w = begin(c->text_seed, c->category, c->chinese);
    uint64_t sentences = 9 + prng_below(&w.words, 9);
    if (c->edit_seed) { /* in about one word in fifty */
        prng_seed(&w.edits, c->edit_seed);
        w.changes = 1 + (uint32_t)prng_below(&w.edits, 3);
        for (uint32_t i = 0; i < w.changes; i++)
            w.change[i] = (uint32_t)prng_below(&w.edits, sentences * 5);
    }
    for (uint64_t i = 0; i < sentences; i++) {
        if (i > 0)
            strbuf_puts(b, i % 6 == 0 ? "\n" : c->chinese ? "" : " ");
        put_sentence(b, &w);
    }
}

void plaza_title(struct strbuf *b, const struct plaza_content *c)
{
    struct writing w = begin(c->text_seed ^ UINT64_C(0x7469746c65), c->category, c->chinese);
    uint64_t form = prng_below(&w.words, 5);
    if (c->chinese) {
        static const char *const forms[5] = {"aDt", "tDn", "naDt", "vt", "ntDn"};
        for (const char *p = forms[form]; *p; p++)
            strbuf_puts(b, *p == 'D' ? "的" : next_word(&w, *p));
        return;
    }
    static const char *const forms[5] = {"dat", "anpdt", "dtvdn", "at,n", "\"at\"rn"};
    bool first = true;
    for (const char *p = forms[form]; *p; p++) {
        if (*p == ',') {
            strbuf_putc(b, ',');
        } else if (*p == '"' && !first) {
            strbuf_puts(b, "\",");
        } else if (*p == '"') {
            strbuf_putc(b, '"');
        } else {
            put_word(b, &w, next_word(&w, *p), first);
            first = false;
        }
    }
}

/* ── goods and people ── */

void plaza_good_name(struct strbuf *b, const struct plaza_good *g)
{
    struct writing w = begin(g->text_seed, g->category, false);
    put_word(b, &w, next_word(&w, 'a'), true);
    put_word(b, &w, next_word(&w, 't'), false);
}

void plaza_good_text(struct strbuf *b, const struct plaza_good *g)
{
    struct writing w = begin(g->text_seed ^ UINT64_C(0x676f6f64), g->category, false);
    put_sentence(b, &w);
    strbuf_putc(b, ' ');
    put_sentence(b, &w);
}

void plaza_person_name(struct strbuf *b, struct prng *r)
{
    static const char *const first[] = {
        "Ada",   "Bruno",  "Chloe", "Diego", "Elif",  "Farid", "Greta", "Hiro", "Ines",  "Jonas",
        "Kavya", "Liam",   "Mina",  "Noor",  "Olga",  "Pavel", "Qing",  "Rosa", "Samir", "Tessa",
        "Uma",   "Viktor", "Wen",   "Xenia", "Yusuf", "Zoe",   "Amara", "Bela", "Carla", "Dmitri"};
    static const char *const last[] = {"Abel",   "Brandt", "Costa",  "Dubois", "Ek",    "Fischer",
                                       "Gomez",  "Haas",   "Ivanov", "Jansen", "Khan",  "Lopez",
                                       "Moreau", "Nakata", "Okafor", "Park",   "Quist", "Rossi",
                                       "Sato",   "Tran",   "Usman",  "Vega",   "Wolf",  "Yilmaz"};
    static const char *const zh_last[] = {"王", "李", "张", "刘", "陈",
                                          "杨", "赵", "黄", "周", "吴"};
    static const char *const zh_first[] = {"伟", "芳", "娜", "敏", "静", "强", "磊", "洋",
                                           "艳", "杰", "涛", "明", "霞", "平", "雨", "晨"};
    if (prng_below(r, 8) == 0) {
        strbuf_puts(b, zh_last[prng_below(r, COUNT(zh_last))]);
        strbuf_puts(b, zh_first[prng_below(r, COUNT(zh_first))]);
        strbuf_puts(b, zh_first[prng_below(r, COUNT(zh_first))]);
        return;
    }
    strbuf_puts(b, first[prng_below(r, COUNT(first))]);
    strbuf_putc(b, ' ');
    strbuf_puts(b, last[prng_below(r, COUNT(last))]);
}
