#include "app/html_page.h"

#include <gtest/gtest.h>

namespace deepgemm::app {
namespace {

TEST(HtmlPage, TextOfFilesAndDriversCannotBecomeMarkup) {
  EXPECT_EQ(html_escape("<b>&\"x\"</b>"), "&lt;b&gt;&amp;&quot;x&quot;&lt;/b&gt;");
  EXPECT_EQ(json_in_script(R"({"a": "</script><!--"})"), R"({"a": "\u003c/script>\u003c!--"})");
  const std::string page = render(HtmlPage{
      .title = "t", .script = "bench", .json = R"("</script><i>")", .plain_text = "</pre><i>"});
  EXPECT_EQ(page.find("<i>"), std::string::npos);
}

TEST(HtmlPage, AScriptThatIsNotThereIsAnError) {
  EXPECT_THROW(render(HtmlPage{.title = "", .script = "none", .json = "", .plain_text = ""}),
               std::logic_error);
}

}  // namespace
}  // namespace deepgemm::app
