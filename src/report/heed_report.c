/* The report as a file, and the public interface: heed_report. */
#include "base/out_file.h"
#include "report/report.h"
#include "world/handle.h"

bool report_lang_of(const char *name, enum report_lang *lang, struct heed_error *err)
{
    *lang = strcmp(name, "zh") == 0 ? REPORT_ZH : REPORT_EN;
    if (*lang == REPORT_ZH || strcmp(name, "en") == 0)
        return true;
    error_set(err, HEED_USAGE, "lang", "'%s' is not one of en, zh", name);
    return false;
}

enum heed_status report_file(const struct report_data *d, enum report_lang lang, const char *path,
                             struct heed_error *err)
{
    struct out_file out;
    enum heed_status status = out_file_open(&out, path, err);
    if (status == HEED_OK)
        status = report_html(d, lang, out.f, err);
    return out_file_close(&out, status, err);
}

enum heed_status heed_report(struct heed_world *world, const struct heed_context *context,
                             const char *path, const char *lang, char **reply,
                             struct heed_error *err)
{
    PLAIN_NUMBERS;
    enum report_lang language;
    struct report_data *data = NULL;
    enum heed_status status = handle_tool(world, context, COMMAND_report_, reply, err);
    if (status != HEED_OK)
        return status;
    if (!path || !lang)
        return handle_missing(err, path ? "lang" : "path");
    if (!report_lang_of(lang, &language, err))
        return HEED_USAGE;
    status = out_file_check(path, err);
    if (status == HEED_OK)
        status = report_gather(world->w, &(struct report_truth){0}, &data, err);
    if (status == HEED_OK)
        status = report_file(data, language, path, err);
    report_free(data);
    return status == HEED_OK
               ? handle_reply(json_pack("{s:o}", "report", reply_text(path)), status, reply, err)
               : status;
}
