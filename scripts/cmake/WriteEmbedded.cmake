# Run by deepgemm_embed: writes OUTPUT.
string(REPLACE "|" ";" FILES "${FILES}")
set(entries "")
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name ${ROOT} ${file})
  if(name MATCHES "^\\.\\./")  # the distribution's: where it lies is this machine's affair
    get_filename_component(name ${file} NAME)
  endif()
  file(READ ${file} text)
  # Compilers limit one literal to 64 KiB; pieces of 8 KiB are joined by the compiler.
  set(literal "")
  string(LENGTH "${text}" length)
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8192 piece)
    string(APPEND literal "R\"embed(${piece})embed\"\n")
    math(EXPR at "${at} + 8192")
  endwhile()
  if(literal STREQUAL "")
    set(literal "\"\"")
  endif()
  string(APPEND entries "    {\"${name}\",\n${literal}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n"
  "std::span<const EmbeddedFile> ${FUNCTION}() {\n  static constexpr EmbeddedFile kFiles[] = {\n"
  "${entries}    {}};\n"
  "  return std::span(kFiles).first(std::size(kFiles) - 1);\n}\n\n}  // namespace ${NAMESPACE}\n")
