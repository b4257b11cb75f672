package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The Java of java/README.md, as whoever copies it has it, and the tests that docs/java.md names.
 */
class ReadmeTest {
    private static final Pattern BLOCK = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

    private static final Pattern TICK =
            Pattern.compile("\\[✓ `(\\w+)`\\]\\((\\.\\./(?:java|python)/[\\w/]+\\.(?:java|py))\\)");

    @TempDir private Path classes;

    static Stream<String> blocks() throws Exception {
        String readme = Files.readString(Path.of("..", "README.md"));
        return BLOCK.matcher(readme).results().map(block -> block.group(1));
    }

    @Test
    void eachTickOfTheGuideNamesATest() throws Exception {
        Path docs = Path.of("..", "..", "docs");
        String guide = Files.readString(docs.resolve("java.md"));
        List<MatchResult> ticks = TICK.matcher(guide).results().toList();
        assertEquals(guide.split("✓", -1).length - 2, ticks.size()); // but that of its preface
        assertTrue(ticks.size() > 40, ticks.size() + " links");
        for (MatchResult tick : ticks) {
            String test = Files.readString(docs.resolve(tick.group(2)));
            String name = tick.group(1);
            // A program of faults/ is named by its class.
            boolean there = test.contains("void " + name + "(") || test.contains(name + ".class");
            assertTrue(there, name + " in " + tick.group(2));
        }
    }

    @Test
    void thereAreSome() throws Exception {
        assertEquals(4, blocks().count());
    }

    @ParameterizedTest
    @MethodSource("blocks")
    void aBlockCompilesAsItStands(String block) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
        List<String> options =
                List.of(
                        "-d",
                        classes.toString(),
                        "-proc:none",
                        "-cp",
                        System.getProperty("java.class.path"));
        JavaFileObject source =
                new SimpleJavaFileObject(
                        URI.create("string:///Block.java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return block;
                    }
                };
        boolean compiled =
                compiler.getTask(null, null, said, options, null, List.of(source)).call();
        assertTrue(
                compiled,
                () -> said.getDiagnostics().stream().map(Diagnostic::toString).toList().toString());
    }
}
