# cmake -DOUT=presets.c "-DFILES=a.yaml;b.yaml" -P embed.cmake: files as arrays of bytes.
set(text "#include \"world/presets.h\"\n")
set(rows "")
set(names "")
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(APPEND text "static const unsigned char bytes_${name}[] = {${bytes}0};\n")
    string(APPEND rows "    {\"${name}\", bytes_${name}, sizeof bytes_${name} - 1},\n")
    if(names)
        string(APPEND names ", ")
    endif()
    string(APPEND names "${name}")
endforeach()
string(APPEND text "const struct preset presets[] = {\n${rows}};\n"
    "const size_t presets_n = sizeof presets / sizeof presets[0];\n"
    "const char presets_names[] = \"${names}\";\n")
file(WRITE ${OUT} "${text}")
