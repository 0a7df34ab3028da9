/* The public interface: heed_import and heed_export. */
#include "import/import.h"
#include "world/handle.h"

enum heed_status heed_import(struct heed_world *world, const struct heed_context *context,
                             const struct heed_import *import, char **reply, struct heed_error *err)
{
    PLAIN_NUMBERS;
    enum heed_status status = handle_tool(world, context, COMMAND_import_, reply, err);
    if (status != HEED_OK)
        return status;
    if (!import || !import->path)
        return handle_missing(err, import ? "path" : "import");
    if (world->w->read_only)
        return error_set(err, HEED_USAGE, "import", "the world was opened for reading only");
    const struct import_options options = {
        .strict = import->strict, .again = import->again, .rejects = import->rejects};
    bool map = import->what && strcmp(import->what, "map") == 0;
    int kind = import->what ? import_kind_of_name(str_of(import->what)) : -1;
    struct import_result result = {0};
    if (map)
        status = import_map(world->w, context, import->path, import->data, &options, &result, err);
    else if (!import->what)
        status = import_dir(world->w, context, import->path, &options, &result, err);
    else if (kind >= 0)
        status = import_file(world->w, context, (enum import_kind)kind, import->path, &options,
                             &result, err);
    else
        status = error_set(err, HEED_USAGE, import->what, IMPORT_KINDS_EXPECTED);
    if (status == HEED_OK || result.n > 0)
        status = handle_reply(import_result_json(&result, 0), status, reply, err);
    import_result_deinit(&result);
    return status;
}

enum heed_status heed_export(struct heed_world *world, const struct heed_context *context,
                             const char *dir, int force, char **reply, struct heed_error *err)
{
    PLAIN_NUMBERS;
    uint64_t left_out = 0;
    enum heed_status status = handle_tool(world, context, COMMAND_export_, reply, err);
    if (status != HEED_OK)
        return status;
    if (!dir)
        return handle_missing(err, "dir");
    status = export_dir(world->w, context->time_ms, dir, force, &left_out, err);
    if (status != HEED_OK)
        return status;
    return handle_reply(export_json(dir, left_out), status, reply, err);
}
